// An aggregated API server for the tests of the sidecar: that of the module k8s.io/sample-apiserver, as it is. Its group
// wardle.example.com has Flunders, which are namespaced, and Fischers, which are not.
package main

import (
	"os"

	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/component-base/cli"
	"k8s.io/sample-apiserver/pkg/cmd/server"
)

func main() {
	command := server.NewCommandStartWardleServer(genericapiserver.SetupSignalContext(),
		server.NewWardleServerOptions(os.Stdout, os.Stderr), false)
	os.Exit(cli.Run(command))
}
