//! A search through one part of a request: its head, the beginning of its body, a window.

use super::{Engine, Head, Judgement, MOST_MATCHES, RuleMatch, Unjudged};
use crate::{
    body::BodyView,
    detect::{
        Caught, Family, Fuel, Least, Options, hidden,
        pollution::{Pollution, Repeats},
    },
    normal::Spelling,
    places::{self, Document, Field, Format, Gap, MOST_BYTES, Part, Place, Role, SecretNames, Window},
};

/// A search through one part of a request.
pub(super) struct Search<'s> {
    pub(super) engine: &'s Engine,
    pub(super) head: &'s Head<'s>,
    pub(super) options: Options<'s>,
    pub(super) found: Judgement,
}

impl<'s> Search<'s> {
    fn goes_on(&self) -> bool {
        !self.found.is_attack()
    }

    pub(super) fn head(&mut self) {
        let head = self.head;
        self.grant(head.path.len() + head.query.len());
        places::path(head.path, &mut |field| self.look(None, field));
        if !head.query.is_empty() && self.goes_on() {
            self.query(head.query);
        }
        for (name, value) in head.headers {
            if self.goes_on() {
                self.grant(name.len() + value.len());
                places::header(name, value, &mut |field| self.look(None, field));
            }
        }
    }

    fn grant(&self, bytes: usize) {
        if let Some(fuel) = self.options.fuel {
            fuel.grant_part(bytes);
        }
    }

    fn query(&mut self, query: &str) {
        let mut repeats = Repeats::default();
        places::query(query, &mut |field| {
            repeats.note(field);
            self.look(None, field)
        });
        if repeats.any() {
            self.pollution(Part::Query, &mut |visit| places::query(query, visit));
        }
        let types = self.head.types();
        if types.are_more() {
            self.found.add(Unjudged::Unread(Gap::TwoTypes));
        }
        for content_type in types.iter() {
            if self.goes_on() && places::foreign_query(content_type, query, &mut |field| self.look(None, field)) {
                self.found.add(Unjudged::Unread(Gap::ForeignCharset));
            }
        }
    }

    pub(super) fn body(&mut self, body: BodyView<'_>) {
        let types = self.head.types();
        if types.are_several() {
            self.found.add(Unjudged::Unread(Gap::TwoTypes));
        }
        for content_type in types.iter() {
            let shown = places::Body {
                content_type,
                bytes: body.bytes,
                is_whole: body.is_whole,
                fuel: self.options.fuel,
            };
            if self.goes_on() {
                self.body_as(&shown, content_type);
            }
        }
    }

    fn body_as(&mut self, body: &places::Body<'_>, content_type: &'s str) {
        let format = Format::of(content_type, body.bytes);
        self.options.context.format = Some(format);
        self.options.context.content_type = content_type;
        let document = Document::new(format, body.bytes, SecretNames::standard());
        let mut repeats = Repeats::default();
        let gaps = places::body(MOST_BYTES, body, &mut |field| {
            if format == Format::Form {
                repeats.note(field);
            }
            self.look(Some(&document), field)
        });
        self.found.add_gaps(&gaps);
        if repeats.any() {
            self.pollution(Part::Body, &mut |visit| {
                let _same_as_before = places::body(MOST_BYTES, body, visit);
            });
        }
    }

    pub(super) fn window(&mut self, window: &Window<'_>) {
        self.options.context.format = Some(window.format);
        self.options.context.content_type = self.head.types().last();
        // the names of what goes on are not known any more, and may have said that it is a secret
        let document = Document::new(Format::Binary, b"", SecretNames::standard());
        let gaps = places::window(window, &mut |field| self.look(Some(&document), field));
        self.found.add_gaps(&gaps);
    }

    /// Parameters that came more than once. Only requests that have some are taken apart a second
    /// time.
    fn pollution(&mut self, part: Part, fields: &mut dyn FnMut(&mut places::Visit<'_>)) {
        if !self.goes_on() || !self.options.wants.has(Family::Pollution) {
            return;
        }
        let mut pollution = Pollution::default();
        let fuel = self.options.fuel;
        fields(&mut |field| {
            let is_paid = pollution.is_paid(field, fuel);
            if is_paid {
                pollution.note(field);
            }
            is_paid
        });
        let like = Field::whole(part, Role::Value, b"", Spelling::Form);
        if let Some((name, caught)) = pollution.judge(&self.engine.detectors, &like, &self.options) {
            self.note(&Place { part, name: &name }, caught);
        }
    }

    /// Looks into one value. Whether to go on.
    fn look(&mut self, document: Option<&Document<'_>>, field: &Field<'_>) -> bool {
        let (engine, mut options) = (self.engine, self.options);
        if self.found.matches.len() >= MOST_MATCHES {
            // weaker ones are not kept
            options.least = Least::CERTAIN;
        }
        engine.detectors.each(field, &options, &mut |mut caught| {
            if document.is_some_and(|document| document.hides(&field.place)) {
                caught.excerpt = hidden(field.value.len());
            }
            self.note(&field.place, caught);
            self.goes_on()
        });
        self.goes_on() && !self.options.fuel.is_some_and(Fuel::is_out)
    }

    fn note(&mut self, place: &Place<'_>, caught: Caught) {
        let name = &SecretNames::standard().shown_name(place.name);
        self.found.keep(RuleMatch {
            family: caught.family,
            rule: caught.finding.rule,
            place: Place { name, ..*place }.to_string(),
            score: caught.finding.score,
            excerpt: caught.excerpt,
        });
    }
}
