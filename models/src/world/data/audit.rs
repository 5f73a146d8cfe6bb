//! The books of what is stored: nothing that was acknowledged is neither there nor lost.

use crate::world::Run;

impl Run<'_> {
    pub(in crate::world) fn settle_data(&mut self) {
        for (store, service) in self.state.stores.all.iter().zip(&mut self.state.services) {
            service.totals.data.persisted = store.as_ref().map_or(0, |store| store.persisted());
        }
    }

    /// Acknowledged = there + lost, for each service, and for all clients together; and no copy has what was never written.
    pub(in crate::world) fn audit_data(&self) -> Result<(), String> {
        let (mut acknowledged, mut lost) = (0, 0);
        for (at, store) in self.state.stores.all.iter().enumerate() {
            let Some(store) = store.as_deref() else { continue };
            let totals = &self.state.services[at].totals;
            let name = &self.plan.names.services[at];
            let data = &totals.data;
            (acknowledged, lost) = (acknowledged + data.acknowledged, lost + data.lost);
            let kept = store.log.iter().take((store.acknowledged - store.base) as usize).count() as u64;
            if data.acknowledged != store.base + kept + data.lost {
                return Err(format!(
                    "service {name}: {} writes acknowledged, but {} are there and {} lost",
                    data.acknowledged,
                    store.base + kept,
                    data.lost
                ));
            }
            if totals.writes < data.acknowledged || store.acknowledged < store.base || store.acknowledged > store.head()
            {
                return Err(format!("service {name}: {} of {} writes", data.acknowledged, totals.writes));
            }
            for (copy, local) in store.copies.iter().zip(0..) {
                let ordered = copy.on_disk <= copy.has && copy.has <= store.head();
                if !ordered || store.leads(local) && !copy.up {
                    return Err(format!("service {name}: copy {local} is {copy:?} of {}", store.head()));
                }
            }
            if store.leads && store.copies[store.primary as usize].has != store.head() {
                return Err(format!("service {name}: the primary lacks its own writes"));
            }
        }
        let clients = self.state.clients.iter().map(|client| &client.totals);
        let (told, gone) = clients.fold((0, 0), |sum, c| (sum.0 + c.acknowledged, sum.1 + c.lost));
        if (told, gone) != (acknowledged, lost) {
            return Err(format!("clients: {told} acknowledged and {gone} lost, services: {acknowledged} and {lost}"));
        }
        Ok(())
    }
}
