//! The modules of a plan as one type, and nested models of them.

use burn::module::{
    Content, Devices, DisplaySettings, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper,
    ModuleVisitor,
};
use burn::nn::conv::{Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d};
use burn::nn::{BatchNorm, Dropout, Embedding, GaussianNoise, LayerNorm, Linear};
use burn::tensor::Device;
use burn_keras_nn::activation::{PRelu, ParametricSoftplus, SRelu};
use burn_keras_nn::attention::{Attention, MultiHeadAttention};
use burn_keras_nn::conv::{ConvTranspose3d, SeparableConv1d, SeparableConv2d};
use burn_keras_nn::dense::{Bias, Highway, MaxoutDense};
use burn_keras_nn::dropout::{AlphaDropout, GaussianDropout, NoiseDropout, SpatialDropout};
use burn_keras_nn::einsum::EinsumDense;
use burn_keras_nn::normalization::{
    BatchNormalization, BatchRenormalization, EarlyBatchNormalization, GroupNormalization,
    LayerNormalization, Normalization, RmsNormalization,
};
use burn_keras_nn::recurrent::{Gru, Lstm, SimpleRnn};

/// One list of all modules: the type of a field, and what is the same for all of them.
macro_rules! layers {
    ($($module:ident)*) => {
        /// A field of a model. As a module it is transparent: its variant shows in no path.
        #[derive(Clone, Debug)]
        #[allow(missing_docs)] // every variant is the module of its name
        #[expect(clippy::large_enum_variant, reason = "a model has few of them")]
        pub enum Layer {
            $($module($module),)*
            Model(Submodel),
        }

        $(impl From<$module> for Layer {
            fn from(module: $module) -> Self {
                Self::$module(module)
            }
        })*

        /// `$body` for the module `$of` in `$layer`.
        macro_rules! with_module {
            ($layer:expr, $of:ident => $body:expr) => {
                match $layer {
                    $(Layer::$module($of) => $body,)*
                    Layer::Model($of) => $body,
                }
            };
        }
    };
}

layers! {
    EinsumDense Attention MultiHeadAttention
    Linear
    MaxoutDense Highway Bias
    Conv1d Conv2d Conv3d SeparableConv1d SeparableConv2d
    ConvTranspose1d ConvTranspose2d ConvTranspose3d
    BatchNorm BatchNormalization BatchRenormalization
    LayerNorm LayerNormalization RmsNormalization GroupNormalization
    Normalization
    EarlyBatchNormalization
    PRelu ParametricSoftplus SRelu
    Embedding
    Dropout NoiseDropout SpatialDropout AlphaDropout GaussianDropout GaussianNoise
    SimpleRnn Gru Lstm
}

impl From<Submodel> for Layer {
    fn from(model: Submodel) -> Self {
        Self::Model(model)
    }
}

impl Module for Layer {
    fn collect_devices(&self, devices: Devices) -> Devices {
        with_module!(self, module => module.collect_devices(devices))
    }

    fn fork(self, device: &Device) -> Self {
        match self {
            Self::Model(model) => model.fork(device).into(),
            module => module.changed(|module| with_module!(module, of => of.fork(device).into())),
        }
    }

    fn to_device(self, device: &Device) -> Self {
        match self {
            Self::Model(model) => model.to_device(device).into(),
            module => {
                module.changed(|module| with_module!(module, of => of.to_device(device).into()))
            }
        }
    }

    fn train(self) -> Self {
        match self {
            Self::Model(model) => model.train().into(),
            module => module.changed(|module| with_module!(module, of => of.train().into())),
        }
    }

    fn valid(&self) -> Self {
        match self {
            Self::Model(model) => model.valid().into(),
            module => module.changed_copy(|module| with_module!(module, of => of.valid().into())),
        }
    }

    fn materialize(self) -> Self {
        match self {
            Self::Model(model) => model.materialize().into(),
            module => module.changed(|module| with_module!(module, of => of.materialize().into())),
        }
    }

    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        with_module!(self, module => module.visit(visitor));
    }

    fn map<M: ModuleMapper>(self, mapper: &mut M) -> Self {
        match self {
            Self::Model(model) => model.map(mapper).into(),
            module => module.changed(|module| with_module!(module, of => of.map(mapper).into())),
        }
    }
}

impl Layer {
    /// `change` of this module, which is no model: a debug build gives every module in it a place on
    /// the stack, which models in models must not pay for again and again.
    #[inline(never)]
    fn changed(self, change: impl FnOnce(Self) -> Self) -> Self {
        change(self)
    }

    /// [`changed`](Self::changed) of a module that stays.
    #[inline(never)]
    fn changed_copy(&self, change: impl FnOnce(&Self) -> Self) -> Self {
        change(self)
    }
}

impl ModuleDisplayDefault for Layer {
    fn content(&self, content: Content) -> Option<Content> {
        with_module!(self, module => module.content(content))
    }

    fn num_params(&self) -> usize {
        Module::num_params(self)
    }
}

impl ModuleDisplay for Layer {
    fn format(&self, passed_settings: DisplaySettings) -> String {
        with_module!(self, module => module.format(passed_settings))
    }
}

/// A model inside a [`Model`](crate::Model): what is a struct with `#[derive(Module)]` in generated
/// source, with the same paths in the same order.
#[derive(Clone, Debug)]
pub struct Submodel {
    type_name: String,
    /// `Struct:` and the type's name, as derived modules announce themselves.
    container: String,
    fields: Vec<(String, Layer)>,
}

impl Submodel {
    pub(crate) fn new(type_name: &str, fields: Vec<(String, Layer)>) -> Self {
        Self {
            type_name: type_name.to_owned(),
            container: format!("Struct:{type_name}"),
            fields,
        }
    }

    /// The name of the struct in generated source.
    pub fn type_name(&self) -> &str {
        &self.type_name
    }

    /// The layers with their names, in the order in which they are visited.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &Layer)> {
        self.fields
            .iter()
            .map(|(name, layer)| (name.as_str(), layer))
    }

    /// The layer at a position.
    pub(crate) fn layer(&self, position: usize) -> Option<&Layer> {
        self.fields.get(position).map(|(_, layer)| layer)
    }

    fn each(self, f: impl Fn(Layer) -> Layer) -> Self {
        let fields = self.fields.into_iter();
        Self {
            fields: fields.map(|(name, layer)| (name, f(layer))).collect(),
            ..self
        }
    }
}

impl Module for Submodel {
    fn collect_devices(&self, devices: Devices) -> Devices {
        let layers = self.fields.iter();
        layers.fold(devices, |devices, (_, layer)| {
            layer.collect_devices(devices)
        })
    }

    fn fork(self, device: &Device) -> Self {
        self.each(|layer| layer.fork(device))
    }

    fn to_device(self, device: &Device) -> Self {
        self.each(|layer| layer.to_device(device))
    }

    fn train(self) -> Self {
        self.each(Module::train)
    }

    fn valid(&self) -> Self {
        let fields = self.fields.iter();
        Self {
            type_name: self.type_name.clone(),
            container: self.container.clone(),
            fields: fields
                .map(|(name, layer)| (name.clone(), layer.valid()))
                .collect(),
        }
    }

    fn materialize(self) -> Self {
        self.each(Module::materialize)
    }

    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        for (name, layer) in &self.fields {
            visitor.enter_module(name, &self.container);
            layer.visit(visitor);
            visitor.exit_module(name, &self.container);
        }
    }

    fn map<M: ModuleMapper>(self, mapper: &mut M) -> Self {
        let mut fields = Vec::with_capacity(self.fields.len());
        for (name, layer) in self.fields {
            mapper.enter_module(&name, &self.container);
            let layer = layer.map(mapper);
            mapper.exit_module(&name, &self.container);
            fields.push((name, layer));
        }
        Self { fields, ..self }
    }
}

impl ModuleDisplayDefault for Submodel {
    fn content(&self, content: Content) -> Option<Content> {
        let content = content.set_top_level_type(&self.type_name);
        let fields = self.fields.iter();
        let content = fields.fold(content, |content, (name, layer)| content.add(name, layer));
        content.optional()
    }

    fn num_params(&self) -> usize {
        Module::num_params(self)
    }
}

impl ModuleDisplay for Submodel {}

impl std::fmt::Display for Submodel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&ModuleDisplay::format(self, DisplaySettings::default()))
    }
}
