//! Where an optimizer's state lies in a record.

use keras_ir::optimizer::SlotName;
use keras_ir::training::optimizer::Class;

/// Where a slot lies in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Keras 3's name of the slot.
    pub slot: SlotName,
    /// The field of the record, after the id of the parameter: `momentum.moment_2`.
    pub field: &'static str,
    /// Whether some configurations or parameters lack it.
    pub optional: bool,
}

/// Where the state of a class lies in a record: what `burn_keras_nn::optim::OptimizerConfig::fields`
/// says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fields {
    /// The slots, in Keras's order.
    pub slots: &'static [Field],
    /// The field that counts steps.
    pub time: Option<&'static str>,
    /// Numbers beside the slots.
    pub scalars: &'static [&'static str],
}

/// What Keras's base class keeps of a parameter, in front of the slots of the class.
pub const BASE: &[Field] = &[
    optional(SlotName::Average, "keras.average"),
    optional(SlotName::GradientAccumulator, "keras.gradient_accumulator"),
];

const fn always(slot: SlotName, field: &'static str) -> Field {
    Field {
        slot,
        field,
        optional: false,
    }
}

const fn optional(slot: SlotName, field: &'static str) -> Field {
    Field {
        slot,
        field,
        optional: true,
    }
}

/// The fields of a class.
///
/// ```
/// use burn_keras_import::record::fields;
/// use keras_ir::training::optimizer::Class;
///
/// assert_eq!(fields(Class::Adam).slots[1].field, "momentum.moment_2");
/// assert_eq!(fields(Class::Adam).time, Some("momentum.time"));
/// ```
pub const fn fields(class: Class) -> Fields {
    use SlotName::{
        AccumulatedDeltaVar, AccumulatedGrad, Accumulator, AverageGradient, C, Linear, Momentum,
        Norm, R, Velocity, VelocityHat,
    };
    const ADADELTA: &[Field] = &[
        always(AccumulatedGrad, "accumulated_grad"),
        always(AccumulatedDeltaVar, "accumulated_delta_var"),
    ];
    const ADAFACTOR: &[Field] = &[
        optional(R, "r"),
        optional(C, "c"),
        always(Velocity, "velocity"),
    ];
    const ADAM: &[Field] = &[
        always(Momentum, "momentum.moment_1"),
        always(Velocity, "momentum.moment_2"),
        optional(VelocityHat, "momentum.max_moment_2"),
    ];
    const ADAMAX: &[Field] = &[always(Momentum, "momentum.moment_1"), always(Norm, "norm")];
    const FTRL: &[Field] = &[always(Accumulator, "accumulator"), always(Linear, "linear")];
    const LAMB: &[Field] = &[always(Momentum, "moment_1"), always(Velocity, "moment_2")];
    const MUON: &[Field] = &[
        always(Momentum, "momentum.velocity"),
        optional(Velocity, "momentum.moment_2"),
    ];
    const NADAM: &[Field] = &[
        always(Momentum, "momentum.moment_1"),
        always(Velocity, "momentum.moment_2"),
    ];
    const RMSPROP: &[Field] = &[
        always(Velocity, "square_avg.square_avg"),
        optional(Momentum, "momentum.buf"),
        optional(AverageGradient, "centered.grad_avg"),
    ];
    let (slots, time): (&[Field], _) = match class {
        Class::Adadelta => (ADADELTA, None),
        Class::Adafactor => (ADAFACTOR, Some("time")),
        Class::Adagrad => (
            const { &[always(Accumulator, "lr_decay.sum")] },
            Some("lr_decay.time"),
        ),
        Class::Adam | Class::AdamW => (ADAM, Some("momentum.time")),
        Class::Adamax => (ADAMAX, Some("momentum.time")),
        Class::Ftrl => (FTRL, None),
        Class::Lamb => (LAMB, Some("time")),
        Class::Lion => (const { &[always(Momentum, "momentum")] }, None),
        Class::Muon => (MUON, Some("momentum.time")),
        Class::Nadam => (NADAM, Some("momentum.time")),
        Class::RmsProp => (RMSPROP, None),
        Class::Sgd => (const { &[always(Momentum, "momentum.velocity")] }, None),
    };
    Fields {
        slots,
        time,
        scalars: match class {
            Class::Nadam => &["u_product"],
            _ => &[],
        },
    }
}

/// The field of a slot, and its place among those that the class has.
pub(crate) fn field(class: Class, slot: SlotName) -> Option<(usize, &'static str)> {
    let all = BASE.iter().chain(fields(class).slots).enumerate();
    let mut found = all.filter(|(_, field)| field.slot == slot);
    found.next().map(|(place, field)| (place, field.field))
}
