# ganflow in a container, with its environment and this clone as it is.
#
# NOT YET BUILT by anyone: there was no Docker where it was written. Please say what it took.
#
#   docker build -t ganflow .
#   docker run --name demo ganflow make demo                  # add --gpus all where NVIDIA's container toolkit is installed
#   docker cp demo:/ganflow/demo .                            # its report
#   docker run --rm -it -p 5000:5000 ganflow bash             # to work in it
FROM python:3.11-slim-bookworm

RUN apt-get update \
    && apt-get install --no-install-recommends --yes git make \
    && rm -rf /var/lib/apt/lists/* \
    && git config --system user.name ganflow \
    && git config --system user.email ganflow@localhost \
    && git config --system --add safe.directory /ganflow

WORKDIR /ganflow
COPY . .
RUN make setup
ENV PATH=/ganflow/.venv/bin:$PATH
CMD ["make", "help"]
