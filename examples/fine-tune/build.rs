//! The source of the Keras model, and its weights.

fn main() {
    burn_keras_import::ModelGen::new()
        .input("../../models/keras/branches_k3.h5")
        .out_dir("model/")
        .run_from_script();
}
