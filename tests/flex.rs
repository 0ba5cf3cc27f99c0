//! Every sample and fixture at run time on flex, against Keras.

use burn_keras_tests::Backend;

burn_keras_tests::all_families!(Backend::Flex);
