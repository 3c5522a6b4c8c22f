set -e
apt-get update
apt-get install -y libpq5
