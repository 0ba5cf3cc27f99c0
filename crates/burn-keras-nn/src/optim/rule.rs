//! What all update rules share: a rule for one tensor, and the state that it keeps.

use alloc::{collections::BTreeMap, vec::Vec};
use core::marker::PhantomData;

use burn::{
    optim::{LearningRate, ModuleOptimizer, Optimizer, RecordState, StateSink, StateSource},
    store::burn_pack::Scalar,
    tensor::{Bool, Device, Tensor, TensorData},
};

use super::layout::Layout;

/// An update rule of Keras: a plain description of its numbers, and the step for one tensor.
///
/// A rule is used through [`PerTensor`] wherever Burn takes an optimizer, and by
/// [`KerasOptimizer`](super::KerasOptimizer), which adds what is global.
pub trait Rule: Clone + Send + Sync + 'static {
    /// Every slot that the rule can have, in Keras's order, and the field of the record that holds
    /// it.
    const FIELDS: &'static [Field];
    /// The field of the record that counts steps, if the rule asks for it.
    const TIME: Option<&'static str> = None;
    /// Numbers beside the slots: Keras's name, which is the field's too.
    const SCALARS: &'static [&'static str] = &[];

    /// The slots that a parameter has under this configuration, of all in [`FIELDS`](Self::FIELDS).
    fn slots(&self, step: &Step<'_>) -> Vec<&'static str>;

    /// The new value of a parameter, from its value, its gradient and its slots, whose `time` the
    /// caller sets afterwards.
    fn update<const D: usize>(
        &self,
        step: &Step<'_>,
        parameter: Tensor<D>,
        gradient: Tensor<D>,
        slots: &mut Slots,
    ) -> Tensor<D>;
}

/// Where a slot lies in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Keras 3's name of the slot: `velocity`.
    pub slot: &'static str,
    /// The field of the record: `momentum.moment_2`, after the id of the parameter.
    pub field: &'static str,
    /// Whether some configurations or parameters lack it.
    pub optional: bool,
}

impl Field {
    /// The slot `slot` in the field `field`.
    pub const fn new(slot: &'static str, field: &'static str) -> Self {
        Self {
            slot,
            field,
            optional: false,
        }
    }

    /// A slot that some configurations or parameters lack.
    pub const fn optional(slot: &'static str, field: &'static str) -> Self {
        Self {
            slot,
            field,
            optional: true,
        }
    }
}

/// Where the state of a rule lies in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fields {
    /// The slots, in Keras's order.
    pub slots: &'static [Field],
    /// The field that counts steps.
    pub time: Option<&'static str>,
    /// Numbers beside the slots.
    pub scalars: &'static [&'static str],
}

impl Fields {
    /// Those of the rule `R`.
    pub const fn of<R: Rule>() -> Self {
        Self {
            slots: R::FIELDS,
            time: R::TIME,
            scalars: R::SCALARS,
        }
    }
}

/// What a rule knows of a step, beside the tensors.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// The learning rate, as Keras rounds it.
    pub rate: f32,
    /// 1 in the first step: Keras's `iterations + 1`.
    pub time: usize,
    /// How the parameter lies in Keras.
    pub layout: &'a Layout,
    /// Whether [`MuonConfig`](super::MuonConfig) leaves this parameter to Adam.
    pub by_adam: bool,
}

/// The state of one parameter: tensors and numbers by Keras's names.
#[derive(Clone, Debug, Default)]
pub struct Slots {
    /// Steps taken.
    pub time: usize,
    tensors: BTreeMap<&'static str, Slot>,
    scalars: BTreeMap<&'static str, f64>,
}

impl Slots {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.tensors.is_empty() && self.scalars.is_empty()
    }

    /// Whether there is a slot `name`.
    pub fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// Takes the slot `name` out in the shape `shape`, on the device and in the type of `like`;
    /// `None` too if it has another number of elements.
    pub fn take_shaped<const D: usize, const K: usize>(
        &mut self,
        name: &str,
        shape: [usize; D],
        like: &Tensor<K>,
    ) -> Option<Tensor<D>> {
        self.tensors.remove(name)?.into_tensor(shape, like)
    }

    /// Takes the slot `name` out, or a tensor filled with `value`: of the shape and type of `like`
    /// and on its device.
    pub fn take_or<const D: usize>(
        &mut self,
        name: &str,
        value: f64,
        like: &Tensor<D>,
    ) -> Tensor<D> {
        self.take_shaped(name, like.dims(), like)
            .unwrap_or_else(|| like.zeros_like().add_scalar(value))
    }

    /// Keeps `tensor` as the slot `name`.
    pub fn keep<const D: usize>(&mut self, name: &'static str, tensor: Tensor<D>) {
        let shape = tensor.dims().to_vec();
        self.keep_shaped(name, tensor, shape);
    }

    /// Keeps `tensor` as the slot `name`, which has the shape `shape` in the record.
    pub fn keep_shaped<const D: usize>(
        &mut self,
        name: &'static str,
        tensor: Tensor<D>,
        shape: Vec<usize>,
    ) {
        let slot = Slot::Ready(tensor.reshape([-1]), shape);
        self.tensors.insert(name, slot);
    }

    /// The number `name`.
    pub fn scalar(&self, name: &str) -> Option<f64> {
        self.scalars.get(name).copied()
    }

    /// Takes the slot `name` away.
    pub fn remove(&mut self, name: &str) {
        self.tensors.remove(name);
    }

    /// Keeps the number `name`.
    pub fn keep_scalar(&mut self, name: &'static str, value: f64) {
        self.scalars.insert(name, value);
    }

    /// Takes the slots of `before` back where `met` is false; those that `before` lacks stay.
    pub(super) fn keep_rows<const D: usize>(
        &mut self,
        before: &Self,
        met: &Tensor<D, Bool>,
        like: &Tensor<D>,
    ) {
        for (name, old) in &before.tensors {
            let old = old.clone().into_tensor(like.dims(), like);
            let new = self.take_shaped(name, like.dims(), like);
            if let Some((old, new)) = old.zip(new) {
                self.keep(name, old.mask_where(met.clone(), new));
            }
        }
    }

    pub(super) fn flatten(&self, fields: Fields, prefix: &str, out: &mut StateSink) {
        if let Some(time) = fields.time {
            out.push_scalar(prefix, time, Scalar::from(self.time));
        }
        for name in fields.scalars {
            if let Some(value) = self.scalar(name) {
                out.push_scalar(prefix, name, Scalar::from(value));
            }
        }
        for Field { slot, field, .. } in fields.slots {
            if let Some(slot) = self.tensors.get(slot) {
                out.push_tensor(prefix, field, slot.data());
            }
        }
    }

    /// `None` if a field that every parameter has is missing, or of another type.
    pub(super) fn unflatten(
        fields: Fields,
        prefix: &str,
        source: &mut StateSource,
    ) -> Option<Self> {
        let mut slots = Self::default();
        if let Some(time) = fields.time {
            slots.time = source.take_scalar(prefix, time)?.try_into().ok()?;
        }
        for name in fields.scalars {
            if let Some(value) = source.take_scalar(prefix, name) {
                slots.scalars.insert(name, value.try_into().ok()?);
            }
        }
        for field in fields.slots {
            match source.take_tensor(prefix, field.field) {
                Some(data) if data.dtype().is_float() => {
                    slots.tensors.insert(field.slot, Slot::Loaded(data));
                }
                None if field.optional => {}
                _ => return None,
            }
        }
        (!slots.is_empty()).then_some(slots)
    }

    pub(super) fn to_device(&self, device: &Device) -> Self {
        let tensors = self.tensors.iter();
        Self {
            time: self.time,
            tensors: tensors
                .map(|(name, slot)| (*name, slot.to_device(device)))
                .collect(),
            scalars: self.scalars.clone(),
        }
    }
}

/// A state tensor, which stays in memory after loading until a step asks for it.
///
/// Burn makes loaded states on `Device::default()`, whatever device the model is on: a GPU that
/// is not there, and a device whose default type would replace the record's. This way no tensor
/// is made before the device of the gradient is known.
#[allow(
    clippy::large_enum_variant,
    reason = "nearly all are ready, and boxes would cost each step"
)]
#[derive(Clone, Debug)]
pub(super) enum Slot {
    Loaded(TensorData),
    /// In a row, with its shape: slots of one parameter can differ in rank.
    Ready(Tensor<1>, Vec<usize>),
}

impl Slot {
    pub(super) fn into_tensor<const D: usize, const K: usize>(
        self,
        shape: [usize; D],
        like: &Tensor<K>,
    ) -> Option<Tensor<D>> {
        let device = like.device();
        let tensor = match self {
            Self::Loaded(data) => {
                let (bytes, shape, dtype) = data.into_parts();
                let data = TensorData::from_bytes(bytes, [shape.num_elements()], dtype);
                Tensor::<1>::from_data(data, (&device, dtype))
            }
            Self::Ready(tensor, _) => tensor.to_device(&device),
        };
        if tensor.dims()[0] != shape.iter().product::<usize>() {
            return None;
        }
        let tensor = tensor.reshape(shape);
        Some(if tensor.dtype() == like.dtype() {
            tensor
        } else {
            tensor.cast(like.dtype())
        })
    }

    pub(super) fn data(&self) -> TensorData {
        match self {
            Self::Loaded(data) => data.clone(),
            Self::Ready(tensor, shape) => {
                let (bytes, _, dtype) = tensor.to_data().into_parts();
                TensorData::from_bytes(bytes, shape.clone(), dtype)
            }
        }
    }

    fn to_device(&self, device: &Device) -> Self {
        match self {
            Self::Loaded(data) => Self::Loaded(data.clone()),
            Self::Ready(tensor, shape) => {
                Self::Ready(tensor.clone().to_device(device), shape.clone())
            }
        }
    }
}

/// A [`Rule`] as one of Burn's optimizers: for one parameter group of a
/// [`ModuleOptimizer`](ModuleOptimizer::with_group), or for a whole module.
///
/// Each parameter counts its own steps here, and the rate is what Burn's caller gives.
///
/// ```
/// use burn::{module::ParamGroup, optim::ModuleOptimizer};
/// use burn_keras_nn::optim::{AdamConfig, SgdConfig};
///
/// let optimizer: ModuleOptimizer = AdamConfig::new().init();
/// let head = ParamGroup::from_predicate("head");
/// optimizer.with_group(head, SgdConfig::new().with_momentum(0.9).build(), None);
/// ```
#[derive(Clone, Debug)]
pub struct PerTensor<R>(pub R);

/// The state of a [`PerTensor`] rule for one parameter, with the fields of [`Rule::FIELDS`].
#[derive(Clone, Debug)]
pub struct State<R> {
    slots: Slots,
    rule: PhantomData<fn() -> R>,
}

impl<R: Rule> RecordState for State<R> {
    fn state_flatten(&self, prefix: &str, out: &mut StateSink) {
        self.slots.flatten(Fields::of::<R>(), prefix, out);
    }

    fn state_unflatten(prefix: &str, source: &mut StateSource, _device: &Device) -> Option<Self> {
        let slots = Slots::unflatten(Fields::of::<R>(), prefix, source)?;
        let rule = PhantomData;
        Some(Self { slots, rule })
    }
}

impl<R: Rule> Optimizer for PerTensor<R> {
    type State<const D: usize> = State<R>;

    fn step<const D: usize>(
        &self,
        lr: LearningRate,
        tensor: Tensor<D>,
        grad: Tensor<D>,
        state: Option<Self::State<D>>,
    ) -> (Tensor<D>, Option<Self::State<D>>) {
        let mut slots = state.map(|state| state.slots).unwrap_or_default();
        let step = Step {
            rate: lr as f32,
            time: slots.time + 1,
            layout: &Layout::same(&tensor.dims()),
            by_adam: D != 2,
        };
        let tensor = self.0.update(&step, tensor, grad, &mut slots);
        slots.time = step.time;
        let rule = PhantomData;
        let state = (!slots.is_empty()).then_some(State { slots, rule });
        (tensor, state)
    }

    fn to_device<const D: usize>(state: Self::State<D>, device: &Device) -> Self::State<D> {
        State {
            slots: state.slots.to_device(device),
            rule: state.rule,
        }
    }
}

/// How a configuration becomes one of Burn's optimizers.
macro_rules! burn_optimizer {
    ($($config:ident),* $(,)?) => {$(
        impl $config {
            /// The rule alone, for one parameter group of a
            /// [`ModuleOptimizer`](burn::optim::ModuleOptimizer::with_group).
            pub fn build(&self) -> PerTensor<Self> {
                PerTensor(self.clone())
            }

            /// An optimizer for a whole module.
            pub fn init(&self) -> ModuleOptimizer {
                ModuleOptimizer::from(self.build())
            }
        }
    )*};
}

use super::{
    AdadeltaConfig, AdafactorConfig, AdagradConfig, AdamConfig, AdamWConfig, AdamaxConfig,
    FtrlConfig, LambConfig, LionConfig, MuonConfig, NadamConfig, RmsPropConfig, SgdConfig,
};

burn_optimizer!(
    AdadeltaConfig,
    AdafactorConfig,
    AdagradConfig,
    AdamConfig,
    AdamWConfig,
    AdamaxConfig,
    FtrlConfig,
    LambConfig,
    LionConfig,
    MuonConfig,
    NadamConfig,
    RmsPropConfig,
    SgdConfig,
);

/// Where epsilon stands: Keras's optimizers differ there by version.
#[derive(burn::config::Config, Debug, PartialEq, Eq, Copy)]
pub enum Epsilon {
    /// Under the root, `sqrt(v + epsilon)`: Keras 3 and tf.keras since 2.11.
    Inside,
    /// After the root, `sqrt(v) + epsilon`: `tf.keras.optimizers.legacy`, Keras 1 and 2.
    Outside,
}

impl Epsilon {
    /// The root of `x`, with epsilon.
    pub(super) fn root<const D: usize>(self, x: Tensor<D>, epsilon: f64) -> Tensor<D> {
        match self {
            Self::Inside => x.add_scalar(epsilon).sqrt(),
            Self::Outside => x.sqrt().add_scalar(epsilon),
        }
    }
}

/// `old + (new - old) share`.
pub(super) fn moved<const D: usize>(old: Tensor<D>, new: Tensor<D>, share: f64) -> Tensor<D> {
    old.clone() + (new - old).mul_scalar(share)
}

/// `share old + (1 - share) new`.
pub(super) fn mixed<const D: usize>(old: Tensor<D>, new: Tensor<D>, share: f64) -> Tensor<D> {
    old.mul_scalar(share) + new.mul_scalar(1.0 - share)
}

/// `base^exponent` in float32.
pub(super) fn power(base: f64, exponent: f64) -> f32 {
    libm::pow(f64::from(base as f32), exponent) as f32
}
