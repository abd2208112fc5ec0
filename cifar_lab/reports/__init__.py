"""Reports on a grading: pages, JUnit XML and a filled gradebook, from the results alone."""
