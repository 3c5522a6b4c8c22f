# shop: dependencies first, code second. To build it:
#
#     docker build --secret id=netrc,src=$HOME/.netrc --tag shop .
#
# An edit of the code, a new version, another setting of a tool or a newer development tool: none of them
# installs a dependency again, in the build or where the image is pulled.

# What the image and its build have in common: Python, and the system's packages that it needs.
FROM python:3.12 AS base
RUN apt-get update \
    && apt-get install -y --no-install-recommends libpq5 \
    && rm -rf /var/lib/apt/lists/*

# The installer, pinned. Nothing of it gets into the image.
FROM base AS tools
ARG UV_VERSION=PINNED
# Passwords for an index are read from a secret, which no layer keeps: --secret id=netrc,src=$HOME/.netrc
ENV PATH=/opt/tools/bin:$PATH \
    UV_LINK_MODE=copy \
    UV_PYTHON_DOWNLOADS=never \
    PIP_INDEX_URL=https://index.example/simple \
    UV_DEFAULT_INDEX=https://index.example/simple
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=secret,id=netrc,target=/root/.netrc \
    python3 -m pip install --disable-pip-version-check --target /opt/tools "uv==${UV_VERSION}"
WORKDIR /build

# The recipe: third-party packages alone. A new version of the project or another setting of a tool runs this
# stage again, but it then writes what it wrote before, and the next stage is keyed by what it writes.
FROM tools AS recipe
COPY pyproject.toml uv.lock ./
RUN uv export --quiet --frozen --no-header --no-annotate --no-emit-workspace --no-emit-local \
    --no-default-groups --output-file requirements.txt

# What is installed, in a stage of its own: nothing else of it gets into the image or its history.
FROM tools AS installed
COPY --from=recipe /build/requirements.txt ./
RUN --mount=type=cache,target=/root/.cache/uv \
    --mount=type=secret,id=netrc,target=/root/.netrc \
    uv venv --quiet --no-python-downloads /opt/venv \
    && uv pip install --python /opt/venv --link-mode copy --no-deps --require-hashes \
        --requirements requirements.txt

# The dependencies, on which the image stands. They are installed again only if the recipe is another.
FROM base AS dependencies
COPY --from=installed /opt/venv /opt/venv
# Their bytecode, but for their tests: a layer that is packed and fetched while the one below it is.
RUN /opt/venv/bin/python -m compileall -qq -j 0 -x '/tests?/' /opt/venv/lib || true

# What builds the project: `requires` of [build-system] in pyproject.toml. In a stage of its own, so that an
# edit of the code is built without the network.
FROM tools AS backend
RUN --mount=type=cache,target=/root/.cache/uv \
    --mount=type=secret,id=netrc,target=/root/.netrc \
    uv venv --quiet /opt/tools/backend \
    && uv pip install --python /opt/tools/backend "hatchling>=1.27"

# The project alone, in a prefix of its own; then the proof: it is imported with what it will have.
FROM dependencies AS code
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
    && cd / && /opt/venv/bin/python -B -c "import shop; from shop.main import main"

# The image: what changes least lies lowest, and an edit of the code replaces the last layer alone.
FROM dependencies AS final
LABEL org.opencontainers.image.title=shop \
    org.opencontainers.image.description="Sells \"things\" for \$5" \
    org.opencontainers.image.licenses=MIT \
    org.opencontainers.image.source=https://code.example/shop
ENV PATH=/opt/venv/bin:$PATH \
    VIRTUAL_ENV=/opt/venv \
    PYTHONUNBUFFERED=1 \
    GREETING="it's \"\$5\""
USER 1000:1000
WORKDIR /srv/shop
EXPOSE 8000/tcp
COPY --from=code /code/venv /opt/venv
ENTRYPOINT ["shop", "--serve"]
CMD ["now"]
