# Installs the program, the plugins and the plugin SDK as find_package(synfire).
