# shop: dependencies first, code second. To build it:
#
#     docker build --tag shop .
#
# An edit of the code, a new version, another setting of a tool or a newer development tool: none of them
# installs a dependency again, in the build or where the image is pulled.

# What the image and its build have in common: Python.
FROM python:3.13-slim AS base

# The installer, pinned. Nothing of it gets into the image.
FROM base AS tools
ARG UV_VERSION=0.13.9
ENV PATH=/opt/tools/bin:$PATH \
    UV_LINK_MODE=copy \
    UV_PYTHON_DOWNLOADS=never
RUN --mount=type=cache,target=/root/.cache/pip \
    python3 -m pip install --disable-pip-version-check --target /opt/tools "uv==${UV_VERSION}"
WORKDIR /build

# The dependencies, and their bytecode. They are installed again only if the recipe says something else.
FROM tools AS dependencies
COPY requirements/prod.txt requirements/base.txt ./requirements/
RUN --mount=type=cache,target=/root/.cache/uv \
    uv venv --quiet /opt/venv \
    && uv pip install --python /opt/venv --compile-bytecode --no-deps --require-hashes \
        --requirements requirements/prod.txt

# What builds the project: `requires` of [build-system] in pyproject.toml. In a stage of its own, so that an
# edit of the code is built without the network.
FROM tools AS backend
RUN --mount=type=cache,target=/root/.cache/uv \
    uv venv --quiet /opt/backend \
    && uv pip install --python /opt/backend "setuptools>=70" "setuptools-scm"

# The project alone, in a prefix of its own; then the proof: it is imported with what it will have.
FROM backend AS code
# Its version comes from git, whose history is left out: --build-arg VERSION=1.2.3
ARG VERSION=0.0.0
ENV SETUPTOOLS_SCM_PRETEND_VERSION=${VERSION}
COPY . .
RUN --mount=type=bind,from=dependencies,source=/opt/venv,target=/opt/venv,rw \
    uv build --quiet --wheel --offline --no-build-isolation --python /opt/backend --out-dir /dist \
    && uv pip install --python /opt/venv --prefix /opt/code --offline --compile-bytecode --no-deps /dist/*.whl \
    && cp -R /opt/code/. /opt/venv \
    && cd / && /opt/venv/bin/python -B -c "import shop"

# The image: what changes least lies lowest, and an edit of the code replaces the last layer alone.
FROM base AS final
LABEL org.opencontainers.image.title=shop
ENV PATH=/opt/venv/bin:$PATH \
    VIRTUAL_ENV=/opt/venv \
    PYTHONUNBUFFERED=1
USER 65532:65532
WORKDIR /app
COPY --from=dependencies /opt/venv /opt/venv
COPY --from=code /opt/code /opt/venv
CMD ["/opt/venv/bin/python"]
