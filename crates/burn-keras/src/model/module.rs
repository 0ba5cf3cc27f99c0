//! The model as a module of Burn.

use std::sync::Arc;

use burn::module::{
    Content, Devices, DisplaySettings, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper,
    ModuleVisitor,
};
use burn::tensor::Device;

use super::Model;

impl Module for Model {
    fn collect_devices(&self, devices: Devices) -> Devices {
        self.root.collect_devices(devices)
    }

    fn fork(self, device: &Device) -> Self {
        Self {
            root: self.root.fork(device),
            device: device.clone(),
            ..self
        }
    }

    fn to_device(self, device: &Device) -> Self {
        Self {
            root: self.root.to_device(device),
            device: device.clone(),
            ..self
        }
    }

    fn train(self) -> Self {
        Self {
            root: self.root.train(),
            ..self
        }
    }

    fn valid(&self) -> Self {
        Self {
            program: Arc::clone(&self.program),
            inputs: Arc::clone(&self.inputs),
            outputs: Arc::clone(&self.outputs),
            states: Arc::clone(&self.states),
            namespace: self.namespace.clone(),
            root: self.root.valid(),
            device: self.device.clone(),
        }
    }

    fn materialize(self) -> Self {
        Self {
            root: self.root.materialize(),
            ..self
        }
    }

    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        self.root.visit(visitor);
    }

    fn map<M: ModuleMapper>(self, mapper: &mut M) -> Self {
        Self {
            root: self.root.map(mapper),
            ..self
        }
    }
}

impl ModuleDisplayDefault for Model {
    fn content(&self, content: Content) -> Option<Content> {
        self.root.content(content)
    }

    fn num_params(&self) -> usize {
        Module::num_params(&self.root)
    }
}

impl ModuleDisplay for Model {}

impl std::fmt::Display for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&ModuleDisplay::format(self, DisplaySettings::default()))
    }
}
