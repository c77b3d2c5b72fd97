package example;

import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.ConfigMapBuilder;
import io.fabric8.kubernetes.api.model.Secret;
import io.javaoperatorsdk.operator.api.reconciler.Context;
import io.javaoperatorsdk.operator.processing.dependent.kubernetes.CRUDKubernetesDependentResource;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.HexFormat;
import java.util.Map;
import java.util.TreeMap;

/** The ConfigMap of a Secret; the framework creates it, and updates it where it differs. */
public class Checksums extends CRUDKubernetesDependentResource<ConfigMap, Secret> {

  @Override
  protected ConfigMap desired(Secret secret, Context<Secret> context) {
    return new ConfigMapBuilder()
        .withNewMetadata()
        .withName("checksums-" + secret.getMetadata().getName())
        .withNamespace(secret.getMetadata().getNamespace())
        // Without this the framework adds an owner reference that does not say who the controller is.
        .addNewOwnerReference()
        .withApiVersion("v1")
        .withKind("Secret")
        .withName(secret.getMetadata().getName())
        .withUid(secret.getMetadata().getUid())
        .withController(true)
        .endOwnerReference()
        .endMetadata()
        .withData(checksums(secret.getData()))
        .build();
  }

  static Map<String, String> checksums(Map<String, String> data) {
    Map<String, String> sums = new TreeMap<>();
    if (data != null) {
      data.forEach((key, value) -> sums.put(key, sha256(Base64.getDecoder().decode(value))));
    }
    return sums;
  }

  private static String sha256(byte[] value) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(value));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every Java has it
    }
  }
}
