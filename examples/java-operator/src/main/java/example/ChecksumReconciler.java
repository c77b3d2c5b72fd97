package example;

import io.fabric8.kubernetes.api.model.Secret;
import io.javaoperatorsdk.operator.api.config.informer.Informer;
import io.javaoperatorsdk.operator.api.reconciler.Constants;
import io.javaoperatorsdk.operator.api.reconciler.Context;
import io.javaoperatorsdk.operator.api.reconciler.ControllerConfiguration;
import io.javaoperatorsdk.operator.api.reconciler.Reconciler;
import io.javaoperatorsdk.operator.api.reconciler.UpdateControl;
import io.javaoperatorsdk.operator.api.reconciler.Workflow;
import io.javaoperatorsdk.operator.api.reconciler.dependent.Dependent;

/** Secrets of the pod's namespace; all that there is to do for one is its ConfigMap. */
@Workflow(dependents = @Dependent(type = Checksums.class))
@ControllerConfiguration(
    generationAwareEventProcessing = false, // Secrets have no generation
    informer = @Informer(namespaces = Constants.WATCH_CURRENT_NAMESPACE))
public class ChecksumReconciler implements Reconciler<Secret> {

  @Override
  public UpdateControl<Secret> reconcile(Secret secret, Context<Secret> context) {
    return UpdateControl.noUpdate();
  }
}
