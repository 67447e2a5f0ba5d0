-- Every stored model, networks and classifiers, under the names that the original project's calls use.
CREATE OR ALTER VIEW dbo.model
AS
SELECT name, created_at AS date, library, model
FROM dbo.networks
UNION ALL
SELECT name, created_at AS date, library, model
FROM dbo.classifiers;
