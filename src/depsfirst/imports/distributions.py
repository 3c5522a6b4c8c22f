"""Which distribution usually provides a module that is not called like it."""

from __future__ import annotations

_UNLIKE = {
    "_pytest": ("pytest",),
    "Crypto": ("pycryptodome",),
    "Cryptodome": ("pycryptodomex",),
    "Levenshtein": ("levenshtein", "python-levenshtein"),
    "MySQLdb": ("mysqlclient",),
    "OpenSSL": ("pyopenssl",),
    "PIL": ("pillow",),
    "Xlib": ("python-xlib",),
    "attr": ("attrs",),
    "bs4": ("beautifulsoup4",),
    "cv2": ("opencv-python", "opencv-python-headless"),
    "dateutil": ("python-dateutil",),
    "decouple": ("python-decouple",),
    "django_filters": ("django-filter",),
    "docx": ("python-docx",),
    "dns": ("dnspython",),
    "dotenv": ("python-dotenv",),
    "environ": ("django-environ",),
    "faiss": ("faiss-cpu",),
    "fitz": ("pymupdf",),
    "git": ("gitpython",),
    "github": ("pygithub",),
    "gitlab": ("python-gitlab",),
    "google.protobuf": ("protobuf",),
    "grpc": ("grpcio",),
    "jose": ("python-jose",),
    "jwt": ("pyjwt",),
    "kafka": ("kafka-python", "kafka-python-ng"),
    "ldap": ("python-ldap",),
    "magic": ("python-magic",),
    "markdown_it": ("markdown-it-py",),
    "memcache": ("python-memcached",),
    "multipart": ("python-multipart", "multipart"),
    "nacl": ("pynacl",),
    "pkg_resources": ("setuptools",),
    "pptx": ("python-pptx",),
    "psycopg": ("psycopg", "psycopg-binary"),
    "psycopg2": ("psycopg2", "psycopg2-binary"),
    "pythonjsonlogger": ("python-json-logger",),
    "rest_framework": ("djangorestframework",),
    "rest_framework_simplejwt": ("djangorestframework-simplejwt",),
    "ruamel": ("ruamel-yaml",),
    "serial": ("pyserial",),
    "skimage": ("scikit-image",),
    "sky": ("skypilot",),
    "sklearn": ("scikit-learn",),
    "slugify": ("python-slugify", "unicode-slugify"),
    "snappy": ("python-snappy",),
    "socketio": ("python-socketio",),
    "socks": ("pysocks",),
    "telegram": ("python-telegram-bot",),
    "usb": ("pyusb",),
    "win32api": ("pywin32",),
    "yaml": ("pyyaml",),
    "zmq": ("pyzmq",),
}


def likely(module: str) -> tuple[str, ...]:
    """Normalized names of the distributions that may provide ``module`` (dotted), the likeliest first."""
    parts = module.split(".")
    found: list[str] = []
    for length in range(len(parts), 0, -1):
        prefix = ".".join(parts[:length])
        found += _UNLIKE.get(prefix, ())
        found.append(prefix.replace(".", "-").replace("_", "-").lower())
    return tuple(dict.fromkeys(found))


def unlike(module: str) -> str | None:
    """The usual distribution of a module whose name does not tell it; None for any other."""
    parts = module.split(".")
    known = (_UNLIKE.get(".".join(parts[:length])) for length in range(len(parts), 0, -1))
    return next((names[0] for names in known if names), None)
