"""The values of this project and their arithmetic; numpy is the only guest."""
