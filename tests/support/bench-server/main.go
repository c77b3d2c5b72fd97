// A stand-in for an API server that costs next to nothing: HTTP/2 over TLS, answers from memory, as fast as the reader
// takes them. For tests/bench/proxy, which measures what is between it and the reader.
//
// It answers what a sidecar needs (ControllerRing, Leases) and these, anywhere below /api and /apis:
//
//	GET .../<resource>/<name>                        an object of 1.5 KB
//	GET .../<resource>?bytes=N                       a list body of N bytes
//	GET .../<resource>?watch=true&events=N&size=1024 N events, each a DATA frame; without `events`, a watch without any
//	PATCH, PUT                                       the object, when the body has come
package main

import (
	"crypto/tls"
	"flag"
	"log"
	"net"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:6443", "address to serve on")
	certificate := flag.String("certificate", "", "PEM file")
	key := flag.String("key", "", "PEM file")
	ring := flag.String("ring", "bench", "name of the ControllerRing, of which configmaps are the main resource")
	flag.Parse()
	identity, err := tls.LoadX509KeyPair(*certificate, *key)
	if err != nil {
		log.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{identity}, NextProtos: []string{"h2"}}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	api := newAPI(*ring)
	for {
		socket, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go serve(tls.Server(socket, config), api)
	}
}
