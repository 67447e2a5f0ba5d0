-- A run of the installer that came to its end.
CREATE TABLE dbo.installations (
    package_version NVARCHAR(64) NOT NULL, -- version of lungdb that the installer belongs to
    installed_at DATETIME2(3) NOT NULL     -- when that version's installer last came to its end, UTC
        CONSTRAINT DF_installations_installed_at DEFAULT SYSUTCDATETIME(),
    CONSTRAINT PK_installations PRIMARY KEY (package_version)
);
