;; Nothing at all is a valid module, and no contract.
(module)
