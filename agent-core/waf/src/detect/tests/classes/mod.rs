//! Whole classes of attacks from public knowledge, and honest values as products send them, written
//! without a look at the rules: whether they were made for a class or for its rows shows here.

mod attacks;
mod honest;

use self::{
    attacks::{ATTACKS, DOCUMENTS, PROBES},
    honest::{HONEST, HONEST_DOCUMENTS},
};
use super::*;
use crate::places::Format;

fn is_refused(field: &Field<'_>, context: Context<'_>) -> Option<(&'static str, &'static str)> {
    let options = Options {
        context,
        ..Options::STANDARD
    };
    let caught = DETECTORS.look_for(field, &options)?;
    (caught.finding.score >= CERTAIN).then_some((caught.family.name(), caught.finding.rule))
}

#[test]
fn attacks_of_every_class_are_found() {
    let mut missed = Vec::new();
    for (class, name, values) in ATTACKS {
        for value in *values {
            let field = Field {
                place: Place {
                    part: Part::Query,
                    name,
                },
                role: Role::Value,
                value: value.as_bytes(),
                // with blanks they stand as a form's decoded value does
                spelling: if value.contains('%') && !value.contains(' ') {
                    Spelling::Form
                } else {
                    Spelling::Literal
                },
            };
            if is_refused(&field, Context::NONE).is_none() {
                missed.push((class, value));
            }
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn documents_are_told() {
    let context = Context {
        format: Some(Format::Xml),
        content_type: "application/xml",
        ..Context::NONE
    };
    let of = |text: &'static str| {
        let field = Field::whole(Part::Body, Role::Document, text.as_bytes(), Spelling::Literal);
        is_refused(&field, context)
    };
    let missed: Vec<_> = DOCUMENTS.iter().filter(|text| of(text).is_none()).collect();
    assert!(missed.is_empty(), "{missed:#?}");
    let refused: Vec<_> = HONEST_DOCUMENTS.iter().filter(|text| of(text).is_some()).collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

#[test]
fn probes_of_every_product_are_found() {
    let missed: Vec<_> = PROBES.iter().filter(|path| find_path(path).is_none()).collect();
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn what_products_send_passes() {
    let mut refused = Vec::new();
    for (part, name, values) in HONEST {
        for value in *values {
            let field = Field {
                place: Place { part: *part, name },
                role: Role::Value,
                value: value.as_bytes(),
                spelling: Spelling::Literal,
            };
            let context = Context {
                format: (*part == Part::Body).then_some(Format::Json),
                ..Context::NONE
            };
            if let Some(rule) = is_refused(&field, context) {
                refused.push((name, value, rule));
            }
        }
    }
    assert!(refused.is_empty(), "{refused:#?}");
}
