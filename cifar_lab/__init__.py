"""The course's machinery: grading, training, and what makes the editions that learners get."""

PACKAGE = "cifar_course"  # the package that learners write
