#!/bin/sh
# Makes sure that the namespace is there; the workers add the search attributes themselves.
set -eu

until temporal operator cluster health; do
    sleep 2
done
temporal operator namespace describe --namespace default ||
    temporal operator namespace create --namespace default --retention 30d
