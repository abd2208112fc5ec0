"""What every judged mutant needs, imported once in the server that its process is forked from.

Imported and no more: where anything of TensorFlow has run, a forked child would hang.
"""

import runpy

from cifar_lab import quiet, syllabus

quiet.import_keras()
for lesson in syllabus.lessons():
    runpy.run_path(str(lesson.test_file))
