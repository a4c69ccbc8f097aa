# The image of the dashboard and of the demo services. No step needs BuildKit.

ARG RUST=1.95.0-bookworm
ARG NODE=22.20.0-bookworm-slim
# The same Debian release as Rust's image: the program needs its C library.
ARG RUNTIME=debian:12.12-slim

# ECharts' bundle and wasm-opt.
FROM node:${NODE} AS assets
WORKDIR /src/end2end
COPY end2end/package.json end2end/package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY end2end/vendor vendor
RUN npm run build:echarts

FROM rust:${RUST} AS tools
ARG CARGO_LEPTOS=0.3.10
ARG WASM_BINDGEN=0.2.130
RUN rustup target add wasm32-unknown-unknown
RUN cargo install cargo-leptos --version ${CARGO_LEPTOS} --locked
RUN cargo install wasm-bindgen-cli --version ${WASM_BINDGEN}

FROM tools AS build
ARG WASM_BINDGEN=0.2.130
WORKDIR /src
# The dependencies alone, built as cargo-leptos builds them, so that an edit in the sources does not build them again.
# Leptos reads both variables while it compiles: with other values than cargo-leptos takes from Cargo.toml, it would be
# compiled again with every edit.
COPY Cargo.toml Cargo.lock ./
COPY .cargo .cargo
RUN grep -A 1 '^name = "wasm-bindgen"$' Cargo.lock | grep -qF "\"${WASM_BINDGEN}\"" \
    || { echo "WASM_BINDGEN must be Cargo.lock's version of wasm-bindgen" >&2; exit 1; }
RUN mkdir src && echo 'fn main() {}' >src/main.rs && touch src/lib.rs \
    && export LEPTOS_OUTPUT_NAME=ha-dashboard SERVER_FN_PREFIX=/fn \
    && cargo build --locked --release --package=ha-dashboard --bin=ha-dashboard --no-default-features --features=ssr \
    && cargo build --locked --profile=wasm-release --package=ha-dashboard --lib --no-default-features --features=hydrate \
        --target=wasm32-unknown-unknown --target-dir=target/front \
    && rm -r src
# Programs for the browser half, after what takes long: other versions of them change nothing in it.
COPY --from=assets /usr/local/bin/node /usr/local/bin/node
COPY --from=assets /src/end2end/node_modules /src/end2end/node_modules
ENV PATH=/src/end2end/node_modules/.bin:${PATH}
COPY src src
COPY style style
COPY public public
COPY monitoring monitoring
COPY --from=assets /src/public/vendor public/vendor
# Sources are older than the dependencies' layer, and Cargo goes by time.
RUN find src -name '*.rs' -exec touch {} + \
    && cargo leptos build --release
COPY k6-scripts k6-scripts
RUN mkdir -p /out/app /out/state \
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
