//! From ranks at run time to ranks in types.

/// `$body` with the constant `$D` for the rank `$rank`, which is from 1 to 6; `$other` otherwise.
macro_rules! at_rank {
    ($rank:expr, $D:ident => $body:expr, else $other:expr) => {
        $crate::rank::at_number!($rank, $D in 1 2 3 4 5 6 => $body, else $other)
    };
}

/// `$body` with the constant `$N` for the number `$number`, if it is one of those listed; `$other`
/// otherwise.
macro_rules! at_number {
    ($number:expr, $N:ident in $($n:literal)* => $body:expr, else $other:expr) => {
        match $number {
            $($n => {
                const $N: usize = $n;
                $body
            })*
            _ => $other,
        }
    };
}

pub(crate) use {at_number, at_rank};
