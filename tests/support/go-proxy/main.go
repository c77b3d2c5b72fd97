// A reverse proxy of Go's standard library, the yardstick of tests/bench/proxy: HTTP/2 over TLS on both sides.
package main

import (
	"crypto/tls"
	"flag"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8443", "address to serve on")
	to := flag.String("to", "", "URL of the server behind it, whose certificate is not checked")
	certificate := flag.String("certificate", "", "PEM file")
	key := flag.String("key", "", "PEM file")
	flag.Parse()
	target, err := url.Parse(*to)
	if err != nil {
		log.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(request *httputil.ProxyRequest) { request.SetURL(target) },
		Transport: &http.Transport{
			TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
			ForceAttemptHTTP2: true,
		},
		FlushInterval: -1, // watches: every event at once
	}
	server := &http.Server{Addr: *listen, Handler: proxy}
	log.Fatal(server.ListenAndServeTLS(*certificate, *key))
}
