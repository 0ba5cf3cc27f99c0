//! Models of Keras.

use keras_ir::container::H5File;

use super::{Visited, models, read_all, visit};

#[test]
fn models_of_keras_are_read_in_full() {
    for path in models() {
        let file = H5File::open(&path).unwrap();
        let weights = read_all(&file);
        assert!(weights.is_ok(), "{}: {weights:?}", path.display());
        let mut visited = Visited::default();
        visit(&file, "", &mut visited);
        assert!(
            visited.read > 1 && visited.refused == 0,
            "{}: {visited:?}",
            path.display()
        );
    }
}
