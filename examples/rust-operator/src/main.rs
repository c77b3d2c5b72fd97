//! A ConfigMap with checksums for every Secret of the pod's namespace, with the controller runtime of kube-rs.

use std::collections::BTreeMap;
use std::{sync::Arc, time::Duration};

use futures::StreamExt;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{Api, ObjectMeta, Patch, PatchParams};
use kube::runtime::{controller::Action, watcher, Controller};
use kube::{Client, Resource, ResourceExt};
use sha2::{Digest, Sha256};

#[tokio::main(flavor = "current_thread")]
async fn main() -> kube::Result<()> {
    let client = Client::try_default().await?;
    let secrets: Api<Secret> = Api::default_namespaced(client.clone());
    let config_maps: Api<ConfigMap> = Api::default_namespaced(client);
    Controller::new(secrets, watcher::Config::default())
        .owns(config_maps.clone(), watcher::Config::default())
        .shutdown_on_signal()
        .run(reconcile, try_again, Arc::new(config_maps))
        .for_each(|result| async move {
            if let Err(error) = result {
                eprintln!("{error}");
            }
        })
        .await;
    Ok(())
}

async fn reconcile(secret: Arc<Secret>, config_maps: Arc<Api<ConfigMap>>) -> kube::Result<Action> {
    if secret.metadata.deletion_timestamp.is_none() {
        let wanted = config_map_of(&secret);
        let ours = PatchParams::apply("rust-operator").force();
        config_maps.patch(&wanted.name_any(), &ours, &Patch::Apply(&wanted)).await?;
    }
    Ok(Action::await_change())
}

fn try_again(_: Arc<Secret>, _: &kube::Error, _: Arc<Api<ConfigMap>>) -> Action {
    Action::requeue(Duration::from_secs(1))
}

fn config_map_of(secret: &Secret) -> ConfigMap {
    let sums = secret.data.iter().flatten().map(|(key, value)| (key.clone(), hex(&Sha256::digest(&value.0))));
    ConfigMap {
        metadata: ObjectMeta {
            name: Some(format!("checksums-{}", secret.name_any())),
            namespace: secret.namespace(),
            owner_references: secret.controller_owner_ref(&()).map(|owner| vec![owner]),
            ..ObjectMeta::default()
        },
        data: Some(sums.collect::<BTreeMap<_, _>>()),
        ..ConfigMap::default()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::ByteString;

    #[test]
    fn a_secret_controls_a_config_map_with_its_checksums() {
        let secret = Secret {
            metadata: ObjectMeta {
                name: Some("foo".into()),
                namespace: Some("somewhere".into()),
                uid: Some("uid".into()),
                ..ObjectMeta::default()
            },
            data: Some([("key".to_string(), ByteString(b"abc".to_vec()))].into()),
            ..Secret::default()
        };
        let config_map = config_map_of(&secret);
        assert_eq!((config_map.name_any(), config_map.namespace()), ("checksums-foo".into(), secret.namespace()));
        let owner = &config_map.owner_references()[0];
        assert_eq!((owner.kind.as_str(), owner.uid.as_str(), owner.controller), ("Secret", "uid", Some(true)));
        // FIPS 180-4, example of SHA-256
        let want = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(config_map.data.unwrap(), [("key".to_string(), want.to_string())].into());
    }
}
