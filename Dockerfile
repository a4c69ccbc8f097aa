# The image of the dashboard and of the demo services.
#
# The mounts keep Cargo's downloads and results from one build to the next, and need BuildKit, which Docker has used since
# version 23. An older Docker builds the same image without them: sed 's/--mount=[^ ]* //g' Dockerfile | docker build -f - .

ARG RUST=1.95.0-bookworm
ARG NODE=22.20.0-bookworm-slim
# The same Debian release as Rust's image: the program needs its C library.
ARG RUNTIME=debian:12.12-slim

# ECharts' bundle, esbuild and wasm-opt.
FROM node:${NODE} AS assets
WORKDIR /src/end2end
COPY end2end/package.json end2end/package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY end2end/vendor vendor
RUN npm run build:echarts

FROM rust:${RUST} AS build
RUN rustup target add wasm32-unknown-unknown
COPY .ci/bindgen /src/.ci/bindgen
RUN --mount=type=cache,target=/usr/local/cargo/registry cargo install --locked --path /src/.ci/bindgen --root /usr/local
COPY --from=assets /usr/local/bin/node /usr/local/bin/node
COPY --from=assets /src/end2end/node_modules /src/end2end/node_modules
ENV PATH=/src/end2end/node_modules/.bin:${PATH}
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY .cargo .cargo
COPY .ci/release.mjs .ci/
COPY src src
COPY style style
COPY public public
COPY monitoring monitoring
COPY --from=assets /src/public/vendor public/vendor
COPY k6-scripts k6-scripts
# Cargo goes by the time of files, and a file of another branch may be older than what was made of its predecessor.
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    find src monitoring -type f -exec touch {} + \
    && node .ci/release.mjs \
    && mkdir -p /out/app /out/state \
    && cp -r target/release/ha-dashboard target/release/hash.txt target/site k6-scripts /out/app/

FROM ${RUNTIME} AS runtime
LABEL org.opencontainers.image.title="ha-dashboard" \
      org.opencontainers.image.description="Live k6 load tests of service stacks, started from the browser and shown to everybody" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /out/app /app
COPY --from=build --chown=10001:10001 /out/state /var/lib/ha-dashboard
WORKDIR /app
# A number, so that an orchestrator can tell that it is not root.
USER 10001:10001
ENV HAD_ADDR=0.0.0.0:8083 \
    HAD_SITE_ROOT=/app/site \
    HAD_SCRIPTS_DIR=/app/k6-scripts \
    HAD_STATE_DIR=/var/lib/ha-dashboard
EXPOSE 8083
HEALTHCHECK --interval=5s --timeout=5s --start-period=15s --retries=3 CMD ["/app/ha-dashboard", "healthcheck"]
ENTRYPOINT ["/app/ha-dashboard"]
CMD ["serve"]
