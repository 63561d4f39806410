//! What Google tells a container in its environment.

use std::num::NonZeroU16;

use crate::variable::{self, VariableError};

/// Where Cloud Run sends requests unless it says otherwise.
const PORT: NonZeroU16 = NonZeroU16::new(8080).unwrap();

/// The environment of a container, as the container runtime contract of Cloud Run and the documentation of Cloud Functions have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// `PORT`: where to listen; 8080 where it is not set.
    pub port: NonZeroU16,
    /// `K_SERVICE`: the service or function. None where the program does not run on Google's platform.
    pub service: Option<String>,
    /// `K_REVISION`: the service's revision.
    pub revision: Option<String>,
    /// `FUNCTION_SIGNATURE_TYPE`: what the function is called for.
    pub signature: Signature,
}

/// What a function is called for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Signature {
    /// Requests (`http`), which is also meant where nothing is said.
    #[default]
    Http,
    /// Events (`event`, `cloudevent`).
    Event,
}

impl Default for Environment {
    fn default() -> Self {
        Self {
            port: PORT,
            service: None,
            revision: None,
            signature: Signature::default(),
        }
    }
}

impl Environment {
    /// The process's own.
    ///
    /// # Errors
    /// Where a variable is not what Google documents.
    pub fn from_env() -> Result<Self, VariableError> {
        Self::read(&variable::of_process)
    }

    /// From whatever knows variables by their names.
    ///
    /// ```
    /// use buckler_functions::google::Environment;
    ///
    /// let environment = Environment::read(&|name| (name == "PORT").then(|| "9000".to_owned()))?;
    /// assert_eq!((environment.port.get(), environment.service), (9000, None));
    /// # Ok::<(), buckler_functions::VariableError>(())
    /// ```
    ///
    /// # Errors
    /// As [`from_env`](Self::from_env).
    pub fn read(read: &dyn Fn(&str) -> Option<String>) -> Result<Self, VariableError> {
        Ok(Self {
            port: variable::port(read, "PORT")?.unwrap_or(PORT),
            service: variable::text(read, "K_SERVICE"),
            revision: variable::text(read, "K_REVISION"),
            signature: Signature::read(read)?,
        })
    }
}

impl Signature {
    fn read(read: &dyn Fn(&str) -> Option<String>) -> Result<Self, VariableError> {
        const VARIABLE: &str = "FUNCTION_SIGNATURE_TYPE";
        match variable::text(read, VARIABLE) {
            None => Ok(Self::Http),
            Some(found) => match found.as_str() {
                "http" | "typed" => Ok(Self::Http),
                "event" | "cloudevent" => Ok(Self::Event),
                _ => Err(VariableError {
                    variable: VARIABLE,
                    found,
                    allowed: "http, typed, event or cloudevent",
                }),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Environment, String> {
        let known = |name: &str| {
            let found = pairs.iter().find(|(own, _)| *own == name)?;
            Some(found.1.to_owned())
        };
        Environment::read(&known).map_err(|error| error.to_string())
    }

    #[test]
    fn a_container_learns_where_it_runs() {
        let found = read(&[
            ("PORT", "9000"),
            ("K_SERVICE", "shop"),
            ("K_REVISION", "shop-00001"),
            ("FUNCTION_SIGNATURE_TYPE", "cloudevent"),
        ]);
        let expected = Environment {
            port: NonZeroU16::new(9000).unwrap(),
            service: Some("shop".to_owned()),
            revision: Some("shop-00001".to_owned()),
            signature: Signature::Event,
        };
        assert_eq!(found, Ok(expected));
        assert_eq!(read(&[]), Ok(Environment::default()));
        assert_eq!(read(&[("K_SERVICE", ""), ("PORT", "")]), Ok(Environment::default()));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for port in ["0", "http", "70000"] {
            let told = read(&[("PORT", port)]).unwrap_err();
            assert_eq!(told, format!("PORT is {port:?}; allowed is a port from 1 to 65535"));
        }
        let told = read(&[("FUNCTION_SIGNATURE_TYPE", "queue")]).unwrap_err();
        assert!(told.contains("queue") && told.contains("cloudevent"), "{told}");
    }
}
