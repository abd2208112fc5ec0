# The course with its sandbox: for learners (the board), for `grade` on one machine, and for the workers
# of a cluster.
#
#   docker build -t cifar-course .
#   docker run --rm -it -v "$PWD":/home/learner/course cifar-course
#   docker run --rm --privileged -v "$PWD/submissions":/submissions -v "$PWD/graded":/graded \
#       cifar-course cifar-course grade /submissions --out /graded
#
# `--privileged` is for grading alone: a sandbox within a container needs namespaces of its own.
FROM python:3.12-slim-bookworm

RUN apt-get update \
    && apt-get install --yes --no-install-recommends bubblewrap \
    && rm -rf /var/lib/apt/lists/*

COPY . /opt/cifar-course
RUN /opt/cifar-course/.devcontainer/image.sh

# cifar-course finds /opt/cifar-course/cifar_course only if nothing nearer is mounted
USER learner
WORKDIR /home/learner/course
CMD ["cifar-course"]
