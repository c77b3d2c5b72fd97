package example;

import io.javaoperatorsdk.operator.Operator;
import io.javaoperatorsdk.operator.api.config.LeaderElectionConfiguration;

/** A ConfigMap with checksums for every Secret, by the Java Operator SDK. One of several replicas leads. */
public class Main {

  public static void main(String[] args) {
    Operator operator =
        new Operator(o -> o.withLeaderElectionConfiguration(new LeaderElectionConfiguration("java-operator")));
    operator.register(new ChecksumReconciler());
    operator.start();
  }
}
