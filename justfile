# Thin lines over cargo: whoever has no `just` can type them. All use the dev profile, where what
# does arithmetic is optimised and the rest compiles fast.

set positional-arguments

command := "cargo run --manifest-path " + quote(justfile_directory() / "Cargo.toml") + " -p burn-keras-cli"

_list:
    @"{{ just_executable() }}" --list --unsorted --justfile "{{ justfile() }}"

# Rust source, weights and optimizer state from a Keras model: just import model.h5 [--name NAME] …
[no-cd]
import file *args:
    @{{ command }} -- import "$@"

# Keras's table of layers: just summary model.h5 [--expand-nested] [--json] …
[no-cd]
summary file *args:
    @{{ command }} -- summary "$@"

# The drawing of a model: just plot model.h5 -o graph.svg [--expand-nested] [--direction LR] …
[no-cd]
plot file *args:
    @{{ command }} -- plot "$@"

# What a file is and holds, and what would stop an import: just inspect model.keras [--json]
[no-cd]
inspect file *args:
    @{{ command }} -- inspect "$@"

# An optimizer's state, or its record for another model: just optimizer show model.h5, …
[no-cd]
optimizer *args:
    @{{ command }} -- optimizer "$@"

# A trained record in a copy of its Keras file: just export model.bpk --like model.keras -o new.keras
[no-cd]
export record *args:
    @{{ command }} -- export "$@"

# A model's outputs: just run model.h5 in.npz -o out.npz
[no-cd]
run file *args:
    @{{ command }} --features run -- run "$@"

# A model's outputs against those that Keras computed: just verify model.h5 case.npz
[no-cd]
verify file *args:
    @{{ command }} --features run -- verify "$@"

# All tests
test *args:
    cargo test --workspace "$@"

# Look at snapshots that have changed, first in words, and accept or refuse them
review:
    cargo run --quiet -p burn-keras-review
    cargo insta review

# What CI asks of formatting and lints
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    cargo clippy -p burn-keras-cli -- -D warnings

# The documentation, in the browser
docs:
    cargo doc --workspace --no-deps --open

# The generated files of the samples in models/keras, anew
samples:
    for model in models/keras/*.h5; do {{ command }} -- import "$model" -o models/generated > /dev/null; done

# docs/layers.md, anew: how far each class of layers is from Keras
layers:
    UPDATE_DOCS=1 cargo test --workspace --test flex --test ndarray --test wgpu

# docs/operations.md and docs/containers.md, anew: which operations and which containers are read
tables:
    UPDATE_DOCS=1 cargo test --workspace --test operations --test versions
