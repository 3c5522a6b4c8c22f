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
COPY pylock.toml /opt/recipe/
RUN --mount=type=cache,target=/root/.cache/uv \
    --mount=type=bind,from=tools,source=/opt/tools,target=/opt/tools \
    /opt/tools/bin/uv venv --quiet --no-python-downloads /opt/venv \
    && /opt/tools/bin/uv pip install --python /opt/venv --link-mode copy --no-deps \
        --requirements /opt/recipe/pylock.toml
# Their bytecode, but for their tests: a layer that is packed and fetched while the one below it is.
RUN /opt/venv/bin/python -m compileall -qq -j 0 -x '/tests?/' /opt/venv/lib || true

# The code, which is run where it stands. What does not compile is named and left, as a template would be.
FROM dependencies AS code
WORKDIR /code/app
COPY . .
RUN /opt/venv/bin/python -m compileall -q . || true

# The image: what changes least lies lowest, and an edit of the code replaces the last layer alone.
FROM dependencies AS final
LABEL org.opencontainers.image.title=shop
ENV PATH=/opt/venv/bin:$PATH \
    VIRTUAL_ENV=/opt/venv \
    PYTHONUNBUFFERED=1 \
    PYTHONPATH=/app
USER 65532:65532
WORKDIR /app
COPY --from=code /code/app /app
# Nothing says what the image starts: name it here.
CMD ["/opt/venv/bin/python"]
