//! Permission by possession: a guarded write takes a [`Permit`], and only [`Actor::permit`] makes
//! one, so that a forgotten check does not compile.

use super::Actor;
use crate::error::{Error, Result};
use app::domain::{Permission, Scope};
use std::marker::PhantomData;

/// Something that must be permitted; see [`permissions!`].
pub trait May {
    const WHAT: Permission;
}

/// Proof that the actor may do `P` where it was asked for.
pub struct Permit<P> {
    _may: PhantomData<P>,
}

macro_rules! permissions {
    ($($name:ident),* $(,)?) => {$(
        #[doc = concat!("Marks a [`Permit`] for [`Permission::", stringify!($name), "`].")]
        pub struct $name;

        impl May for $name {
            const WHAT: Permission = Permission::$name;
        }
    )*};
}

permissions! {
    RegisterModel, UploadRun, DescribeModel, DescribeDataset, ConfirmGroups, VoidRun,
    EditRegistry, ManageTeams, ManagePeople, ReadAudit,
}

impl Actor {
    /// Proof that this actor may do `P` there.
    ///
    /// # Errors
    /// [`Error::Forbidden`], saying what is not allowed.
    pub fn permit<P: May>(&self, scope: Scope<'_>) -> Result<Permit<P>> {
        if self.may(P::WHAT, scope) {
            return Ok(Permit { _may: PhantomData });
        }
        let whose = if matches!(scope, Scope::Team(_)) { " in this team" } else { "" };
        Err(Error::forbidden(format!("you may not {}{whose}", P::WHAT)))
    }
}
