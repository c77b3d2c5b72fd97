module ringside.example/go-proxy

go 1.26.0
