//! A model with a parameter of each rank.

use alloc::{collections::BTreeMap, string::String, vec::Vec};
use burn::{
    module::{Module, Param},
    optim::GradientsParams,
    tensor::{Device, Tensor},
};

use super::CONV;
use crate::{
    ids::stable_ids,
    testing::{values, wave},
};

#[derive(Module, Debug)]
pub struct Dense {
    pub kernel: Param<Tensor<2>>,
    pub bias: Param<Tensor<1>>,
}

#[derive(Module, Debug)]
pub struct Embedding {
    pub embeddings: Param<Tensor<2>>,
}

#[derive(Module, Debug)]
pub struct Conv {
    pub kernel: Param<Tensor<4>>,
}

#[derive(Module, Debug)]
pub struct Net {
    pub dense: Dense,
    pub token_embedding: Embedding,
    pub conv: Conv,
}

impl Net {
    pub fn new(device: &Device) -> Self {
        fn param<const D: usize>(x: Tensor<D>) -> Param<Tensor<D>> {
            Param::from_tensor(x.require_grad())
        }
        let conv = wave([1, 2, 2, 3], 3.1, device).permute(CONV);
        let net = Self {
            dense: Dense {
                kernel: param(wave([2, 3], 0.1, device)),
                bias: param(wave([3], 1.1, device)),
            },
            token_embedding: Embedding {
                embeddings: param(wave([3, 2], 2.1, device)),
            },
            conv: Conv {
                kernel: param(conv),
            },
        };
        stable_ids(net, "net")
    }

    pub fn gradients(&self, t: usize, scale: f64, bias: bool) -> GradientsParams {
        let device = &self.dense.bias.val().inner().device();
        let mut gradients = GradientsParams::new();
        let t = t as f64 + 1.0;
        fn wave_of<const D: usize>(
            shape: [usize; D],
            seed: f64,
            scale: f64,
            device: &Device,
        ) -> Tensor<D> {
            wave(shape, seed, device).mul_scalar(scale)
        }
        gradients.register(self.dense.kernel.id, wave_of([2, 3], t, scale, device));
        if bias {
            gradients.register(self.dense.bias.id, wave_of([3], t + 10.0, scale, device));
        }
        gradients.register(
            self.token_embedding.embeddings.id,
            wave_of([3, 2], t + 20.0, scale, device),
        );
        let conv = wave_of([1, 2, 2, 3], t + 30.0, scale, device).permute(CONV);
        gradients.register(self.conv.kernel.id, conv);
        gradients
    }

    /// The values by path, in Keras's layout.
    pub fn values(&self) -> BTreeMap<String, Vec<f32>> {
        BTreeMap::from([
            ("dense/kernel".into(), values(self.dense.kernel.val())),
            ("dense/bias".into(), values(self.dense.bias.val())),
            (
                "token_embedding/embeddings".into(),
                values(self.token_embedding.embeddings.val()),
            ),
            (
                "conv/kernel".into(),
                values(self.conv.kernel.val().permute([2, 3, 1, 0])),
            ),
        ])
    }
}
