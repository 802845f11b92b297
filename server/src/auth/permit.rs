//! Permission by possession: a guarded write takes a [`Permit`], and only [`Actor::permit`] makes
//! one, so that a forgotten check does not compile.

use super::Actor;
use super::actor::Through;
use crate::error::{Error, Result};
use app::domain::{Permission, PersonId, Scope};
use std::marker::PhantomData;

/// Something that must be permitted; see `permissions!` below.
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
    EditPolicy, RequestLaunch, DecideLaunch, SignOff, AskWaiver, ApproveWaiver, Comment, Mitigate,
    EditOkr, CheckIn, EditRegistry, ManageTeams, ManagePeople, ReadAudit,
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
        Err(Error::forbidden(self.why_not(P::WHAT, scope)))
    }

    /// Proof that this is a person at their own account.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for a token: whoever finds one must not gain an account by it.
    pub fn own(&self) -> Result<Own> {
        match (&self.through, self.person) {
            (Through::Session { .. }, Some(person)) => Ok(Own(person)),
            _ => Err(Error::forbidden("only a person who is signed in may do this")),
        }
    }
}

/// Proof that whoever acts does so on their own account: by their session, or by a one-time link
/// that was made for them.
pub struct Own(PersonId);

impl Own {
    /// Only for [`crate::store::links`], when it has used up a person's link.
    pub(crate) fn by_link(person: PersonId) -> Self {
        Self(person)
    }

    pub fn person(&self) -> PersonId {
        self.0
    }
}
