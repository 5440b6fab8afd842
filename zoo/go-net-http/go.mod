module zoo

go 1.26

require (
	github.com/klauspost/compress v1.18.0
	github.com/rs/cors v1.11.1
)
