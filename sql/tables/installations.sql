-- A run of the installer that came to its end, with the version of the package that it belongs to. One that is run again after another
-- run of the same version changes the time of the row.
CREATE TABLE dbo.installations (
    package_version NVARCHAR(64) NOT NULL,
    installed_at DATETIME2(3) NOT NULL CONSTRAINT DF_installations_installed_at DEFAULT SYSUTCDATETIME(),
    CONSTRAINT PK_installations PRIMARY KEY (package_version)
);
