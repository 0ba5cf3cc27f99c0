# Thin lines over cargo: whoever has no `just` can type them.

set positional-arguments

_list:
    @just --list --unsorted

# Rust source, weights and optimizer state from a Keras model: just import model.h5 [--name NAME] …
import file *args:
    @cargo run --quiet -p burn-keras-cli -- import "$@"

# Keras's table of layers: just summary model.h5 [--expand-nested] [--json] …
summary file *args:
    @cargo run --quiet -p burn-keras-cli -- summary "$@"

# A model's outputs: just run model.h5 in.npz -o out.npz
run file *args:
    @cargo run --quiet --release -p burn-keras-cli --features run -- run "$@"

# A model's outputs against those that Keras computed: just verify model.h5 case.npz
verify file *args:
    @cargo run --quiet --release -p burn-keras-cli --features run -- verify "$@"

# All tests
test *args:
    cargo test --workspace "$@"

# Look at snapshots that have changed, and accept or refuse them
review:
    cargo insta review

# What CI asks of formatting and lints
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    cargo clippy -p burn-keras-cli -- -D warnings

# The documentation, in the browser
docs:
    cargo doc --workspace --no-deps --open
