package main

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestConfigMapOf(t *testing.T) {
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "foo", Namespace: "somewhere", UID: "uid"},
		Data:       map[string][]byte{"key": []byte("abc")},
	}
	configMap := configMapOf(secret)
	if configMap.Name != "checksums-foo" || configMap.Namespace != "somewhere" {
		t.Errorf("it is called %s/%s", configMap.Namespace, configMap.Name)
	}
	if !metav1.IsControlledBy(configMap, secret) {
		t.Errorf("the Secret does not control it: %v", configMap.OwnerReferences)
	}
	// FIPS 180-4, example of SHA-256
	const want = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	if got := configMap.Data["key"]; got != want || len(configMap.Data) != 1 {
		t.Errorf("its data are %v", configMap.Data)
	}
}
