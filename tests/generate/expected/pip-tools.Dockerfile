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
ARG UV_VERSION=PINNED
ENV PATH=/opt/tools/bin:$PATH \
    UV_LINK_MODE=copy \
    UV_PYTHON_DOWNLOADS=never
RUN --mount=type=cache,target=/root/.cache/pip \
    python3 -m pip install --disable-pip-version-check --target /opt/tools "uv==${UV_VERSION}"
WORKDIR /build

# The dependencies, on which the image stands. They are installed again only if the recipe is another.
# uv is there for this one command.
FROM base AS dependencies
COPY requirements/prod.txt requirements/base.txt /opt/recipe/requirements/
RUN --mount=type=cache,target=/root/.cache/uv \
    --mount=type=bind,from=tools,source=/opt/tools,target=/opt/tools \
    /opt/tools/bin/uv venv --quiet --no-python-downloads /opt/venv \
    && /opt/tools/bin/uv pip install --python /opt/venv --link-mode copy --no-deps --require-hashes \
        --requirements /opt/recipe/requirements/prod.txt
# Their bytecode, but for their tests: a layer that is packed and fetched while the one below it is.
RUN /opt/venv/bin/python -m compileall -qq -j 0 -x '/tests?/' /opt/venv/lib || true

# What builds the project: `requires` of [build-system] in pyproject.toml. In a stage of its own, so that an
# edit of the code is built without the network.
FROM tools AS backend
RUN --mount=type=cache,target=/root/.cache/uv \
    uv venv --quiet /opt/tools/backend \
    && uv pip install --python /opt/tools/backend "setuptools>=70" "setuptools-scm"

# The project alone, in a prefix of its own; then the proof: it is imported with what it will have.
FROM dependencies AS code
# Its version comes from git, whose history is left out: --build-arg VERSION=1.2.3
ARG VERSION=0.0.0
ENV SETUPTOOLS_SCM_PRETEND_VERSION=${VERSION}
ENV PATH=/opt/tools/bin:$PATH \
    UV_LINK_MODE=copy \
    UV_PYTHON_DOWNLOADS=never
WORKDIR /build
COPY . .
RUN --mount=type=cache,target=/root/.cache/uv \
    --mount=type=bind,from=backend,source=/opt/tools,target=/opt/tools \
    uv build --wheel --offline --no-build-isolation --python /opt/tools/backend \
        --out-dir /code/dist \
    && uv pip install --python /opt/venv --prefix /code/venv --offline --no-deps /code/dist/*.whl \
    && { /opt/venv/bin/python -m compileall -qq /code/venv/lib || true; } \
    && cp -R /code/venv/. /opt/venv \
    && cd / && /opt/venv/bin/python -B -c "import shop"

# The image: what changes least lies lowest, and an edit of the code replaces the last layer alone.
FROM dependencies AS final
LABEL org.opencontainers.image.title=shop
ENV PATH=/opt/venv/bin:$PATH \
    VIRTUAL_ENV=/opt/venv \
    PYTHONUNBUFFERED=1
USER 65532:65532
WORKDIR /app
COPY --from=code /code/venv /opt/venv
# Nothing says what the image starts: name it here.
CMD ["/opt/venv/bin/python"]
