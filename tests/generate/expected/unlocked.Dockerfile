# shop: dependencies first, code second. To build it:
#
#     docker build --tag shop .
#
# An edit of the code, a new version, another setting of a tool or a newer development tool: none of them
# installs a dependency again, in the build or where the image is pulled.

# What the image and its build have in common: Python.
FROM python:3.10-slim AS base

# The installer, pinned. Nothing of it gets into the image.
FROM base AS tools
ARG UV_VERSION=0.13.9
ARG TOMLI_VERSION=2.5.0
ENV PATH=/opt/tools/bin:$PATH \
    UV_LINK_MODE=copy \
    UV_PYTHON_DOWNLOADS=never
RUN --mount=type=cache,target=/root/.cache/pip \
    python3 -m pip install --disable-pip-version-check --target /opt/tools "uv==${UV_VERSION}" "tomli==${TOMLI_VERSION}"
WORKDIR /build

# The recipe: third-party packages alone. A new version of the project or another setting of a tool runs this
# stage again, but it then writes what it wrote before, and the next stage is keyed by what it writes.
FROM tools AS recipe
COPY pyproject.toml ./
RUN PYTHONPATH=/opt/tools python3 -c 'import tomli as tomllib; project = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
    print(*project.get("dependencies", []), *project["optional-dependencies"]["pg"], sep="\n")' > requirements.txt

# The dependencies, and their bytecode. They are installed again only if the recipe says something else.
FROM tools AS dependencies
COPY --from=recipe /build/requirements.txt ./
RUN --mount=type=cache,target=/root/.cache/uv \
    uv venv --quiet /opt/venv \
    && uv pip install --python /opt/venv --compile-bytecode \
        --requirements requirements.txt

# What builds the project: `requires` of [build-system] in pyproject.toml. In a stage of its own, so that an
# edit of the code is built without the network.
FROM tools AS backend
RUN --mount=type=cache,target=/root/.cache/uv \
    uv venv --quiet /opt/backend \
    && uv pip install --python /opt/backend "hatchling>=1.27"

# The project alone, in a prefix of its own; then the proof: it is imported with what it will have.
FROM backend AS code
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
