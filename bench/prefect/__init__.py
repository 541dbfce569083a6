"""The other side of the bench ``prefect``, in an environment of its own."""
