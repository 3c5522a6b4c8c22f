# larder-shop: dependencies first, code second. To build it:
#
#     docker build --tag larder-shop .
#
# An edit of the code, a new version, another setting of a tool or a newer development tool: none of them
# installs a dependency again, in the build or where the image is pulled.

# What the image and its build have in common: Python.
FROM python:3.13-slim AS base

# The installer, pinned. Nothing of it gets into the image.
FROM base AS tools
ARG UV_VERSION=0.13.9
ENV PATH=/opt/tools/bin:/root/.local/bin:$PATH \
    UV_LINK_MODE=copy \
    UV_PYTHON_DOWNLOADS=never
RUN --mount=type=cache,target=/root/.cache/pip \
    python3 -m pip install --disable-pip-version-check --target /opt/tools "uv==${UV_VERSION}"
WORKDIR /build

# The recipe: third-party packages alone. A new version of the project or another setting of a tool runs this
# stage again, but it then writes what it wrote before, and the next stage is keyed by what it writes.
FROM tools AS recipe
ARG PDM_VERSION=2.29.3
RUN --mount=type=cache,target=/root/.cache/uv \
    uv tool install --quiet "pdm[locked]==${PDM_VERSION}"
COPY pyproject.toml pdm.lock ./
RUN pdm export --prod > requirements.txt

# The dependencies, and their bytecode. They are installed again only if the recipe says something else.
FROM tools AS dependencies
COPY --from=recipe /build/requirements.txt ./
RUN --mount=type=cache,target=/root/.cache/uv \
    uv venv --quiet /opt/venv \
    && uv pip install --python /opt/venv --compile-bytecode --no-deps --require-hashes \
        --requirements requirements.txt

# The code, which is run where it stands. That it compiles is proved by its bytecode.
FROM tools AS code
WORKDIR /app
COPY . .
RUN --mount=type=bind,from=dependencies,source=/opt/venv,target=/opt/venv \
    /opt/venv/bin/python -m compileall -q .

# The image: what changes least lies lowest, and an edit of the code replaces the last layer alone.
FROM base AS final
LABEL org.opencontainers.image.title=larder-shop
ENV PATH=/opt/venv/bin:$PATH \
    VIRTUAL_ENV=/opt/venv \
    PYTHONUNBUFFERED=1 \
    PYTHONPATH=/app
USER 65532:65532
WORKDIR /app
COPY --from=dependencies /opt/venv /opt/venv
COPY --from=code /app /app
CMD ["/opt/venv/bin/python"]
