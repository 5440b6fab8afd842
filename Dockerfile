# The suite as a container that runs against any server it can reach; pytest's options are its own.
#
#   docker build --tag attach-conformance .
#   docker run --rm --network host --user "$(id -u)" --volume "$PWD:/project" attach-conformance \
#       --base-url http://127.0.0.1:8420 --expectations conformance.toml --results conformance-results
FROM python:3.13-slim

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore

WORKDIR /suite
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY attach_conformance attach_conformance
COPY contracts contracts
COPY strategies strategies
COPY conformance conformance
COPY reference reference
COPY tests tests
COPY targets targets
RUN pip install . \
    && useradd --create-home --uid 10001 conformance \
    && install --directory --owner conformance /project

# The user's project is mounted here: its expectations file is read from it, and its results folder is written to it.
WORKDIR /project
USER conformance

# pytest with the suite's tests and configuration, whatever lies in the mounted project.
ENTRYPOINT ["attach-conformance", "run"]
