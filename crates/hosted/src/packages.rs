//! Packages of repositories that are not of files: listing, finding and searching them.

use storage::packages::{Package, PackageFilter, PackageVersion};
use storage::search::{FoundPackage, NodeSearch};

use crate::Hosted;
use crate::error::HostedResult;
use crate::repository::HostedRepository;

impl HostedRepository {
    /// Returns one page of its packages by key; a repository of files has none.
    pub async fn packages(&self, filter: &PackageFilter) -> HostedResult<Vec<Package>> {
        Ok(self.hosted().data().packages(self.info().no, filter).await?)
    }

    /// Returns how many packages all pages show together.
    pub async fn package_count(&self, filter: &PackageFilter) -> HostedResult<u64> {
        Ok(self.hosted().data().package_count(self.info().no, filter).await?)
    }

    /// Returns the package called `key`: `docker://team/app`.
    pub async fn package(&self, key: &str) -> HostedResult<Option<Package>> {
        let key = self.own_key(key);
        Ok(self.hosted().data().package(self.info().no, &key).await?)
    }

    /// Returns `key` as this repository writes it: an image is meant by `docker://` and by `oci://` alike.
    fn own_key(&self, key: &str) -> String {
        let image = self.image_of_package(key);
        image.map_or_else(|_| key.to_owned(), |image| image.key().to_owned())
    }

    /// Returns one page of the versions of a package by name; of one that is not there, none.
    pub async fn versions(&self, key: &str, filter: &PackageFilter) -> HostedResult<Vec<PackageVersion>> {
        let key = self.own_key(key);
        Ok(self
            .hosted()
            .data()
            .versions(self.info().no, &key, filter)
            .await?)
    }

    /// Returns how many versions all pages show together.
    pub async fn version_count(&self, key: &str, filter: &PackageFilter) -> HostedResult<u64> {
        let (data, key) = (self.hosted().data(), self.own_key(key));
        Ok(data.version_count(self.info().no, &key, filter).await?)
    }
}

impl Hosted {
    /// Returns one page of the packages that a search finds.
    pub async fn search_packages(&self, search: &NodeSearch) -> HostedResult<Vec<FoundPackage>> {
        Ok(self.data().search_packages(search).await?)
    }

    /// Returns how many packages a search finds.
    pub async fn search_packages_count(&self, search: &NodeSearch) -> HostedResult<u64> {
        Ok(self.data().search_packages_count(search).await?)
    }
}
