# Build and run Fenzhen in a container. Its steps are those of `make build`, which CI runs.
FROM rust:1.95-bookworm AS build
RUN apt-get update \
 && apt-get install --yes --no-install-recommends make python3 python3-pip \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY Cargo.toml Cargo.lock rust-toolchain.toml Makefile ./
COPY models models
COPY config config
COPY kb-index kb-index
COPY src src
COPY templates templates
COPY assets assets
COPY benches benches
RUN make build

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates curl libstdc++6 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --create-home --home-dir /fenzhen fenzhen
WORKDIR /fenzhen
COPY --from=build /build/target/release/fenzhen /build/target/release/libonnxruntime.so ./bin/
COPY models/intent models/intent
COPY models/sentiment models/sentiment
COPY config config
COPY kb-index/articles kb-index/articles
RUN mkdir data && chown fenzhen data
USER fenzhen
VOLUME /fenzhen/data
# Every interface of the container: needs FENZHEN_HTTP__API_KEYS, or the process refuses to start.
ENV FENZHEN_HTTP__LISTEN=0.0.0.0:8080
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s CMD curl --fail --silent http://127.0.0.1:8080/readyz
ENTRYPOINT ["bin/fenzhen"]
CMD ["serve"]
