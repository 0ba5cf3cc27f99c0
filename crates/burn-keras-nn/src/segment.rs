//! Large models, cut into pieces that no path shows.

/// A module struct with segments: boxed parts that are transparent to paths.
///
/// One struct of hundreds of modules compiles slowly and overflows small stacks. Fields in
/// brackets are *segments*: each stands in a `Box`, and `visit` and `map` pass through it without
/// entering, so `net.stem.conv1.weight` is the parameter `conv1.weight`. The other fields are
/// entered by their name, as with `#[derive(Module)]`; their types must be modules. Field names
/// must be unique over all segments of a struct.
///
/// The struct gets `Clone`, `Debug`, `Display`, `Module` and the display traits, so it can be a
/// root or a field of a derived module.
///
/// ```
/// use burn::{module::Module, nn::Linear, tensor::Tensor};
///
/// #[derive(Module, Debug)]
/// pub struct Stem { fc1: Linear }
///
/// #[derive(Module, Debug)]
/// pub struct Tail { fc2: Linear }
///
/// burn_keras_nn::segments! {
///     /// Two layers, whose parameters are `fc1.weight`, `fc2.weight` and so on.
///     pub struct Net {
///         [stem: Stem, tail: Tail]
///         head: Linear,
///     }
/// }
///
/// impl Net {
///     pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
///         let x = self.stem.fc1.forward(x);
///         self.head.forward(self.tail.fc2.forward(x))
///     }
/// }
/// ```
#[macro_export]
macro_rules! segments {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident {
            [ $( $(#[$segment_meta:meta])* $segment_vis:vis $segment:ident : $segment_ty:ty ),* $(,)? ]
            $( $(#[$field_meta:meta])* $field_vis:vis $field:ident : $field_ty:ty ),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug)]
        $vis struct $name {
            $( $(#[$segment_meta])* $segment_vis $segment: $crate::__private::Box<$segment_ty>, )*
            $( $(#[$field_meta])* $field_vis $field: $field_ty, )*
        }

        impl $crate::__private::burn::module::Module for $name {
            fn collect_devices(
                &self,
                devices: $crate::__private::burn::module::Devices,
            ) -> $crate::__private::burn::module::Devices {
                $( let devices = $crate::__private::burn::module::Module::collect_devices(&*self.$segment, devices); )*
                $( let devices = $crate::__private::burn::module::Module::collect_devices(&self.$field, devices); )*
                devices
            }

            fn fork(self, device: &$crate::__private::burn::tensor::Device) -> Self {
                Self {
                    $( $segment: $crate::__private::Box::new($crate::__private::burn::module::Module::fork(*self.$segment, device)), )*
                    $( $field: $crate::__private::burn::module::Module::fork(self.$field, device), )*
                }
            }

            fn to_device(self, device: &$crate::__private::burn::tensor::Device) -> Self {
                Self {
                    $( $segment: $crate::__private::Box::new($crate::__private::burn::module::Module::to_device(*self.$segment, device)), )*
                    $( $field: $crate::__private::burn::module::Module::to_device(self.$field, device), )*
                }
            }

            fn train(self) -> Self {
                Self {
                    $( $segment: $crate::__private::Box::new($crate::__private::burn::module::Module::train(*self.$segment)), )*
                    $( $field: $crate::__private::burn::module::Module::train(self.$field), )*
                }
            }

            fn valid(&self) -> Self {
                Self {
                    $( $segment: $crate::__private::Box::new($crate::__private::burn::module::Module::valid(&*self.$segment)), )*
                    $( $field: $crate::__private::burn::module::Module::valid(&self.$field), )*
                }
            }

            fn materialize(self) -> Self {
                Self {
                    $( $segment: $crate::__private::Box::new($crate::__private::burn::module::Module::materialize(*self.$segment)), )*
                    $( $field: $crate::__private::burn::module::Module::materialize(self.$field), )*
                }
            }

            fn visit<V: $crate::__private::burn::module::ModuleVisitor>(&self, visitor: &mut V) {
                $( $crate::__private::burn::module::Module::visit(&*self.$segment, visitor); )*
                $(
                    visitor.enter_module(stringify!($field), concat!("Struct:", stringify!($name)));
                    $crate::__private::burn::module::Module::visit(&self.$field, visitor);
                    visitor.exit_module(stringify!($field), concat!("Struct:", stringify!($name)));
                )*
            }

            fn map<M: $crate::__private::burn::module::ModuleMapper>(self, mapper: &mut M) -> Self {
                Self {
                    $( $segment: $crate::__private::Box::new($crate::__private::burn::module::Module::map(*self.$segment, mapper)), )*
                    $(
                        $field: {
                            mapper.enter_module(stringify!($field), concat!("Struct:", stringify!($name)));
                            let field = $crate::__private::burn::module::Module::map(self.$field, mapper);
                            mapper.exit_module(stringify!($field), concat!("Struct:", stringify!($name)));
                            field
                        },
                    )*
                }
            }
        }

        impl ::core::fmt::Display for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                let text = $crate::__private::burn::module::ModuleDisplay::format(self, ::core::default::Default::default());
                ::core::write!(f, "{text}")
            }
        }

        impl $crate::__private::burn::module::ModuleDisplayDefault for $name {
            fn content(
                &self,
                content: $crate::__private::burn::module::Content,
            ) -> ::core::option::Option<$crate::__private::burn::module::Content> {
                $( let content = $crate::__private::burn::module::ModuleDisplayDefault::content(&*self.$segment, content)?; )*
                let content = content.set_top_level_type(&stringify!($name));
                $( let content = content.add(stringify!($field), &self.$field); )*
                content.optional()
            }

            fn num_params(&self) -> usize {
                $crate::__private::burn::module::Module::num_params(self)
            }
        }

        impl $crate::__private::burn::module::ModuleDisplay for $name {}
    };
}

#[cfg(test)]
mod tests {
    use crate::ids::collect;
    use crate::testing::devices;
    use alloc::{boxed::Box, format, string::String, vec::Vec};
    use burn::module::Module;
    use burn::nn::{Linear, LinearConfig};
    use burn::tensor::Device;

    #[derive(Module, Debug)]
    struct Stem {
        fc1: Linear,
    }

    #[derive(Module, Debug)]
    struct Tail {
        fc2: Linear,
    }

    segments! {
        /// A model in two segments.
        struct Net {
            [stem: Stem, tail: Tail]
            head: Linear,
        }
    }

    segments! {
        struct Deep { [net: Net] }
    }

    #[derive(Module, Debug)]
    struct Parent {
        net: Net,
        last: Linear,
    }

    fn net(device: &Device) -> Net {
        let fc = || LinearConfig::new(2, 2).init(device);
        Net {
            stem: Box::new(Stem { fc1: fc() }),
            tail: Box::new(Tail { fc2: fc() }),
            head: fc(),
        }
    }

    fn paths<M: Module>(module: &M) -> Vec<String> {
        collect(module).into_iter().map(|(_, path)| path).collect()
    }

    #[test]
    fn segments_never_show_in_a_path() {
        let device = &devices()[0];
        let root = net(device);
        let expected = [
            "fc1.weight",
            "fc1.bias",
            "fc2.weight",
            "fc2.bias",
            "head.weight",
            "head.bias",
        ];
        assert_eq!(paths(&root), expected);
        let deep = Deep {
            net: Box::new(root.clone()),
        };
        assert_eq!(paths(&deep), expected);
        let parent = Parent {
            net: root.clone(),
            last: LinearConfig::new(2, 2).init(device),
        };
        assert_eq!(paths(&parent)[0], "net.fc1.weight");
        assert_eq!(Module::num_params(&parent), 24);

        let text = format!("{parent}");
        assert!(
            text.contains("net: Net {") && text.contains("fc2: Linear"),
            "{text}"
        );
        assert!(!text.contains("tail"), "{text}");

        let record = root.clone().into_record();
        assert!(root.try_load_record(record).is_ok());
    }
}
