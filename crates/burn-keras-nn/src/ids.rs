//! Parameter ids that are the same in every process.
//!
//! Burn finds a parameter's optimizer state by its [`ParamId`], which is random by default. Here
//! an id is a hash of where the parameter stands, so a record made today fits a module built
//! tomorrow.

use alloc::{format, string::String, vec::Vec};
use burn::{
    module::{Flag, Module, ModuleMapper, ModuleVisitor, Param, ParamId},
    tensor::{Bool, Int, Tensor},
};

/// The id of the parameter at `path` (`conv1.weight`) of the model `namespace`.
///
/// It is [`rapidhash::v3::rapidhash_v3`], which has the default seed and secrets of the C++
/// `rapidhash` V3, of the UTF-8 bytes of `{namespace}/{path}`. Ids are part of records: this
/// function never changes.
///
/// ```
/// use burn_keras_nn::param_id;
///
/// assert_eq!(param_id("net", "fc.weight"), param_id("net", "fc.weight"));
/// assert_ne!(param_id("net", "fc.weight"), param_id("other", "fc.weight"));
/// ```
pub fn param_id(namespace: &str, path: &str) -> ParamId {
    ParamId::from(rapidhash::v3::rapidhash_v3(
        format!("{namespace}/{path}").as_bytes(),
    ))
}

/// A place in the tree of a model, while its modules are made.
///
/// ```
/// use burn_keras_nn::{Scope, param_id};
///
/// let block = Scope::new("net").enter("block1").enter("bn");
/// assert_eq!(block.id("running_mean"), param_id("net", "block1.bn.running_mean"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    namespace: String,
    path: String,
}

impl Scope {
    /// The root of the model `namespace`.
    pub fn new(namespace: &str) -> Self {
        Self {
            namespace: String::from(namespace),
            path: String::new(),
        }
    }

    /// The field `name` of the module at this place.
    pub fn enter(&self, name: &str) -> Self {
        Self {
            namespace: self.namespace.clone(),
            path: self.join(name),
        }
    }

    /// The id of the parameter `name` of the module at this place.
    pub fn id(&self, name: &str) -> ParamId {
        param_id(&self.namespace, &self.join(name))
    }

    fn join(&self, name: &str) -> String {
        if self.path.is_empty() {
            String::from(name)
        } else {
            format!("{}.{name}", self.path)
        }
    }
}

/// `module` with the id [`param_id`]`(namespace, path)` in every parameter.
///
/// Lazy parameters stay lazy, and no gradient setting changes. Burn keeps the id of a running
/// state whatever a mapper says: such states get theirs when they are made, from a [`Scope`].
///
/// Call it before an optimizer has state for the module.
pub fn stable_ids<M: Module>(module: M, namespace: &str) -> M {
    module.map(&mut SetIds {
        namespace,
        path: Vec::new(),
    })
}

struct SetIds<'a> {
    namespace: &'a str,
    path: Vec<String>,
}

impl SetIds<'_> {
    fn id(&self) -> ParamId {
        param_id(self.namespace, &self.path.join("."))
    }
}

impl ModuleMapper for SetIds<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(String::from(name));
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, mut param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.id = self.id();
        param
    }

    fn map_int<const D: usize>(
        &mut self,
        mut param: Param<Tensor<D, Int>>,
    ) -> Param<Tensor<D, Int>> {
        param.id = self.id();
        param
    }

    fn map_bool<const D: usize>(
        &mut self,
        mut param: Param<Tensor<D, Bool>>,
    ) -> Param<Tensor<D, Bool>> {
        param.id = self.id();
        param
    }

    fn map_flag(&mut self, mut flag: Param<Flag>) -> Param<Flag> {
        flag.id = self.id();
        flag
    }
}

/// The pairs of parameters that carry one id: the first that has it, then each that repeats it.
///
/// Burn's optimizers update only the first of two, silently.
pub fn duplicate_ids<M: Module>(module: &M) -> Vec<(String, String)> {
    let mut found = collect(module);
    found.sort_by_key(|(id, _)| *id); // stable: paths of one id stay in the order of the module
    let mut pairs = Vec::new();
    let mut first: Option<(ParamId, String)> = None;
    for (id, path) in found {
        match &first {
            Some((seen, at)) if *seen == id => pairs.push((at.clone(), path)),
            _ => first = Some((id, path)),
        }
    }
    pairs.sort();
    pairs
}

/// Id and path of every parameter and running state, in the order of the module.
pub(crate) fn collect<M: Module>(module: &M) -> Vec<(ParamId, String)> {
    let mut ids = CollectIds::default();
    module.visit(&mut ids);
    ids.found
}

#[derive(Default)]
struct CollectIds {
    path: Vec<String>,
    found: Vec<(ParamId, String)>,
}

impl CollectIds {
    fn add(&mut self, id: ParamId) {
        self.found.push((id, self.path.join(".")));
    }
}

impl ModuleVisitor for CollectIds {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(String::from(name));
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.add(param.id);
    }

    fn visit_int<const D: usize>(&mut self, param: &Param<Tensor<D, Int>>) {
        self.add(param.id);
    }

    fn visit_bool<const D: usize>(&mut self, param: &Param<Tensor<D, Bool>>) {
        self.add(param.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalization::batch_norm;
    use crate::testing::devices;
    use burn::nn::{BatchNorm, Linear, LinearConfig};

    #[derive(Module, Debug)]
    struct Net {
        fc: Linear,
        bn: BatchNorm,
        head: Vec<Linear>,
    }

    fn net(device: &burn::tensor::Device) -> Net {
        let scope = Scope::new("net");
        let fc = LinearConfig::new(2, 3).init(device);
        let module = Net {
            head: alloc::vec![fc.clone()],
            fc,
            bn: batch_norm(3, 1e-3, 0.99, &scope.enter("bn"), device),
        };
        stable_ids(module, "net")
    }

    // ids are in records: these numbers must never change
    #[test]
    fn ids_are_fixed() {
        assert_eq!(
            param_id("net", "fc.weight").val(),
            3_337_397_824_737_794_016
        );
        assert_eq!(param_id("", "").val(), 8_553_718_913_416_325_240);
    }

    #[test]
    fn every_id_follows_the_path_and_stays_lazy() {
        let device = devices()[0].clone().autodiff();
        let net = net(&device);
        let ids = collect(&net);
        assert_eq!(ids.len(), 8);
        for (id, path) in &ids {
            assert_eq!(*id, param_id("net", path), "{path}");
        }
        assert!(!net.fc.weight.is_initialized());
        assert!(net.fc.weight.val().is_require_grad());
        assert!(duplicate_ids(&net).is_empty());
    }

    #[test]
    fn duplicates_are_named() {
        let mut net = net(&devices()[0]);
        net.head[0].weight.id = net.fc.weight.id;
        assert_eq!(
            duplicate_ids(&net),
            [("fc.weight".into(), "head.0.weight".into())]
        );
    }
}
